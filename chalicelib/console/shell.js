// The frame round every page: brand, ways, language, sign-out, and what the page says aloud.

import { html, useEffect } from "./view.js";
import { choose, language, languages, t } from "./i18n.js";
import { isLost } from "./live.js";
import { isAdmin, isOperator, me, signOut } from "./session.js";
import { route, to } from "./routes.js";
import { ACCOUNT_PAGES } from "./account.js";
import { Choice, said, toast, useAct } from "./widgets.js";
import { Icon } from "./icons.js";

const TOAST_MS = 6_000;

export function Shell({ children }) {
  const { person, account } = me.value;
  const isTicket = route.value.page === "ticket";
  return html`<div class=${`shell ${isTicket ? "in-ticket" : ""}`}>
    <a class="skip" href="#main" onClick=${skip}>${t("shell.skip")}</a>
    <header class="top">
      <a class="brand" href="#/" aria-label="Viberdesk">
        <img src="console/icon.svg" alt="" width="28" height="28" />
        <span>Viberdesk</span>
      </a>
      <${Ways} />
      <div class="top-end">
        <${LanguageSelect} />
        <div class="who">
          <b data-testid="who">${person.name}</b>
          <span>${account?.name ?? t("role.operator")}</span>
        </div>
        <${Leave} />
      </div>
    </header>
    ${isLost() &&
    html`<p class="lost-line" role="status" data-testid="connection-lost">${t("shell.lost")}</p>`}
    <main id="main" tabindex="-1">${children}</main>
  </div>`;
}

// Heard by screen readers; kept outside of what changes, or some of them stay silent.
export function Announcer() {
  return html`<div class="hidden" aria-live="polite" data-testid="announcer">${said.value}</div>
    <${Toast} />`;
}

export function LanguageSelect() {
  return html`<label class="language">
    <span class="hidden">${t("shell.language")}</span>
    <${Choice}
      value=${language.value}
      options=${languages}
      testid="language-select"
      onValue=${choose}
    />
  </label>`;
}

function Ways() {
  const { page } = route.value;
  useCurrentInSight(page);
  const isAccount = ACCOUNT_PAGES.includes(page);
  const is = (...pages) => pages.includes(page);
  const ways = [
    !isOperator() && [to.inbox, "inbox", t("inbox.title"), is("inbox", "ticket")],
    !isOperator() && [to.sessions, "clock", t("sessions.title"), is("sessions")],
    isAdmin() && [to.broadcasts, "send", t("broadcast.title"), is("broadcasts", "broadcast")],
    isAdmin() && [to.integrations, "settings", t("account.title"), isAccount],
    isOperator() && [to.accounts, "contact", t("accounts.title"), is("accounts", "account")],
    isOperator() && [to.deskRequests, "file", t("desk.requests"), is("desk-requests")],
    isOperator() && [to.differences, "unknown", t("differences.title"), is("differences")],
    isOperator() && [to.prices, "card", t("prices.title"), is("prices", "price-list")],
    isOperator() && [to.policies, "clock", t("policy.title"), is("policies")],
  ].filter(Boolean);
  return html`<nav class="ways" aria-label=${t("shell.ways")}>
    ${ways.map(
      ([href, icon, text, isHere]) =>
        html`<a key=${href} href=${href} aria-current=${isHere ? "page" : undefined}
          data-testid=${`way-${icon}`}>
          <${Icon} name=${icon} /><span>${text}</span>
        </a>`,
    )}
  </nav>`;
}

// On a small screen the ways are wider than it, and the current one may lie beside it.
function useCurrentInSight(page) {
  useEffect(() => {
    for (const way of document.querySelectorAll("nav [aria-current=page][href]")) {
      way.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }, [page]);
}

function Leave() {
  const { busy, run } = useAct(signOut);
  return html`<button
    type="button"
    class="bare"
    disabled=${busy}
    title=${t("shell.sign_out")}
    aria-label=${t("shell.sign_out")}
    data-testid="sign-out"
    onClick=${run}
  >
    <${Icon} name="leave" />
  </button>`;
}

function Toast() {
  const told = toast.value;
  useEffect(() => {
    if (!told) return undefined;
    const timer = setTimeout(() => {
      if (toast.value === told) toast.value = null;
    }, TOAST_MS);
    return () => clearTimeout(timer);
  }, [told]);
  return html`<div class="toasts" role=${told?.kind === "bad" ? "alert" : "status"}>
    ${told && html`<p class=${`toast ${told.kind}`} data-testid="toast">${told.text}</p>`}
  </div>`;
}

// The hash is the address of a page here, so the jump is made by hand.
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}
