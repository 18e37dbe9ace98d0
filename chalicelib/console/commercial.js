// The commercial model: its frame with the ways to each of its pages, and the page they begin at.

import { html } from "./view.js";
import { t, woven } from "./i18n.js";
import { usePages } from "./pages.js";
import { to } from "./routes.js";
import { cost } from "./money.js";
import { BalanceCard, useBalance } from "./balance.js";
import { Link } from "./content.js";
import { TERMS, useTerms } from "./terms.js";
import { TopUps } from "./top-ups.js";
import { Subscriptions } from "./subscriptions.js";
import { Warnings } from "./warnings.js";

export function MoneyFrame({ page, children }) {
  const ways = [
    [to.money, t("money.overview"), ["money"]],
    [to.requests, t("requests.title"), ["requests", "request-form"]],
    [to.statement, t("statement.title"), ["statement", "entry"]],
    [to.report, t("report.title"), ["report"]],
    [to.forecast, t("forecast.title"), ["forecast"]],
    [to.moneySettings, t("money.settings"), ["money-settings"]],
  ];
  return html`
    <h1>${t("money.title")}</h1>
    <nav class="page-ways" aria-label=${t("money.title")}>
      ${ways.map(([href, text, pages]) => {
        const current = pages.includes(page) ? "page" : undefined;
        return html`<a key=${href} href=${href} aria-current=${current}>${text}</a>`;
      })}
    </nav>
    ${children}
  `;
}

export function MoneyPage() {
  const balance = useBalance();
  const bots = usePages("bots", 200);
  const reload = () => {
    balance.reload();
    bots.reload();
  };
  return html`
    <${MoneyNote} />
    <${Warnings} />
    <${TopUps} balance=${balance} onPaid=${reload}>
      <${BalanceCard} balance=${balance} />
    <//>
    <${Subscriptions} bots=${bots} balance=${balance.data} onChanged=${reload} />
  `;
}

// What the model costs here, with Viber's own words on it.
export function MoneyNote() {
  const terms = useTerms();
  return html`<p class="notice" data-testid="money-note">
    ${terms && t("money.note", { fee: cost(terms.maintenance_fee) })}${" "}
    ${woven("money.terms", {
      terms: html`<${Link} key="terms" address=${TERMS} text=${t("bots.paid_terms")} />`,
    })}${" "}
    <a href=${to.prices}>${t("money.prices")}</a>
  </p>`;
}
