// Account management: its frame with the ways to each page, and the page of integrations.

import { html } from "./view.js";
import { t } from "./i18n.js";
import { bots } from "./directory.js";
import { to } from "./routes.js";
import { Icon } from "./icons.js";

// Pages by the way that leads to them; the shell marks its own way by the same.
export const MONEY_PAGES = [
  "money", "requests", "request-form", "statement", "entry", "report", "forecast",
  "money-settings",
];
const BOT_PAGES = ["integrations", "bots", "bot"];
export const ACCOUNT_PAGES = [...BOT_PAGES, ...MONEY_PAGES, "people", "keys", "audit"];

export function AccountFrame({ page, children }) {
  const ways = [
    [to.integrations, t("integrations.title"), BOT_PAGES],
    [to.money, t("money.title"), MONEY_PAGES],
    [to.people, t("people.title"), ["people"]],
    [to.keys, t("keys.title"), ["keys"]],
    [to.audit, t("audit.title"), ["audit"]],
  ];
  return html`<div class="account">
    <nav class="account-ways" aria-label=${t("account.title")}>
      ${ways.map(([href, text, pages]) => {
        const current = pages.includes(page) ? "page" : undefined;
        return html`<a key=${href} href=${href} aria-current=${current}>${text}</a>`;
      })}
    </nav>
    <div class="page">${children}</div>
  </div>`;
}

export function Integrations() {
  const count = bots.value.filter((bot) => bot.state === "connected").length;
  return html`
    <h1>${t("integrations.title")}</h1>
    <section class="block">
      <h2>${t("integrations.messengers")}</h2>
      <a class="tile" href=${to.bots} data-testid="messenger-viber">
        <span class="tile-icon"><${Icon} name="bot" /></span>
        <span class="tile-words">
          <b>Viber</b>
          <span>${t("integrations.viber")}</span>
        </span>
        <span class=${`badge ${count ? "good" : ""}`}>
          ${t("integrations.connected", { count })}
        </span>
      </a>
    </section>
  `;
}

// Where a page stands: Account management → Integrations → Messengers → Viber (→ a bot).
export function Trail({ last = null }) {
  const steps = [
    [to.integrations, t("account.title")],
    [to.integrations, t("integrations.title")],
    [to.messengers, t("integrations.messengers")],
    [to.bots, "Viber"],
    ...(last ? [[null, last]] : []),
  ];
  return html`<nav class="trail" aria-label=${t("account.trail")}>
    <ol>
      ${steps.map(([href, text], index) => {
        const isLast = index === steps.length - 1;
        const step = isLast
          ? html`<span aria-current="page">${text}</span>`
          : html`<a href=${href}>${text}</a>`;
        return html`<li key=${index}>${step}</li>`;
      })}
    </ol>
  </nav>`;
}
