// The start of the console: language, sign-in, then the page that the address names.

import { html, render, signal, useEffect, useRef } from "./view.js";
import { language, loadLanguage, t } from "./i18n.js";
import { isAdmin, isOperator, me, resume } from "./session.js";
import { route, to } from "./routes.js";
import { Announcer, Shell } from "./shell.js";
import { Loading, Refusal, Wall } from "./widgets.js";
import { SignIn } from "./signin.js";
import { Inbox, unreadCount } from "./inbox.js";
import { TicketPage } from "./ticket.js";
import { AccountFrame, Integrations } from "./account.js";
import { BotsPage } from "./bots.js";
import { BotPage } from "./bot.js";
import { PeoplePage } from "./people.js";
import { KeysPage } from "./keys.js";
import { AuditPage } from "./audit.js";
import { AccountsPage } from "./accounts.js";
import { MoneyFrame, MoneyPage } from "./commercial.js";
import { RequestsPage } from "./requests.js";
import { RequestFormPage } from "./request-form.js";
import { StatementPage } from "./statement.js";
import { EntryPage } from "./entry.js";
import { ReportPage } from "./report.js";
import { MoneySettingsPage } from "./money-settings.js";
import { ForecastPage } from "./forecast.js";
import { SessionsPage } from "./sessions.js";
import { BroadcastsPage } from "./broadcasts.js";
import { BroadcastPage } from "./broadcast.js";
import { AccountPage } from "./account-money.js";
import { DeskRequestsPage } from "./desk-requests.js";
import { DifferencesPage } from "./differences.js";
import { PricesPage } from "./prices.js";
import { PriceListPage } from "./price-list.js";
import { PoliciesPage } from "./policies.js";

const WIDE = matchMedia("(min-width: 900px)");

const start = signal({ is_done: false, problem: null });
const isWide = signal(WIDE.matches);
WIDE.addEventListener("change", () => {
  isWide.value = WIDE.matches;
});

// Pages of the account's admin, all inside the account's frame.
const adminPages = {
  integrations: () => html`<${Integrations} />`,
  bots: () => html`<${BotsPage} />`,
  bot: ({ bot_id }) => html`<${BotPage} key=${bot_id} bot_id=${bot_id} />`,
  people: () => html`<${PeoplePage} />`,
  keys: () => html`<${KeysPage} />`,
  audit: () => html`<${AuditPage} />`,
};

// Pages of the commercial model, in a frame of their own inside of the account's.
const moneyPages = {
  money: () => html`<${MoneyPage} />`,
  requests: () => html`<${RequestsPage} />`,
  "request-form": () => html`<${RequestFormPage} />`,
  statement: () => html`<${StatementPage} />`,
  entry: ({ entry_id }) => html`<${EntryPage} key=${entry_id} entry_id=${entry_id} />`,
  report: () => html`<${ReportPage} />`,
  forecast: () => html`<${ForecastPage} />`,
  "money-settings": () => html`<${MoneySettingsPage} />`,
};

// Pages of the platform's operators.
const operatorPages = {
  accounts: () => html`<${AccountsPage} />`,
  account: ({ account_id }) => html`<${AccountPage} key=${account_id} account_id=${account_id} />`,
  "desk-requests": () => html`<${DeskRequestsPage} />`,
  differences: () => html`<${DifferencesPage} />`,
  policies: () => html`<${PoliciesPage} />`,
};

// Pages that stand by themselves, and who may see them.
const otherPages = {
  sessions: [() => !isOperator(), () => html`<${SessionsPage} />`],
  broadcasts: [isAdmin, () => html`<${BroadcastsPage} />`],
  broadcast: [
    isAdmin,
    ({ broadcast_id }) => html`<${BroadcastPage} key=${broadcast_id} broadcast_id=${broadcast_id} />`,
  ],
  prices: [() => true, () => html`<${PricesPage} />`],
  "price-list": [
    () => true,
    ({ version }) => html`<${PriceListPage} key=${version} version=${version} />`,
  ],
};

function App() {
  const { is_done, problem } = start.value;
  useTitle();
  let page = html`<${Loading} />`;
  if (problem) {
    page = html`<main class="signin"><${Refusal} problem=${problem} onRetry=${begin} /></main>`;
  } else if (is_done) {
    page = me.value ? html`<${Shell}><${Page} /><//>` : html`<${SignIn} />`;
  }
  return html`${page}<${Announcer} />`;
}

function Page() {
  const here = route.value;
  useFocusOnArrival(here.path);
  useEffect(() => {
    if (here.page === "home") location.replace(isOperator() ? to.accounts : to.inbox);
  }, [here.page]);
  if (here.page === "home") return null;
  if (here.page === "inbox" || here.page === "ticket") {
    return isOperator() ? html`<${Wall} kind="forbidden" />` : html`<${Desk} here=${here} />`;
  }
  if (here.page in otherPages) {
    const [isAllowed, draw] = otherPages[here.page];
    return isAllowed() ? draw(here) : html`<${Wall} kind="forbidden" />`;
  }
  if (here.page in adminPages) {
    if (!isAdmin()) return html`<${Wall} kind="forbidden" />`;
    return html`<${AccountFrame} page=${here.page}>${adminPages[here.page](here)}<//>`;
  }
  if (here.page in moneyPages) {
    if (!isAdmin()) return html`<${Wall} kind="forbidden" />`;
    return html`<${AccountFrame} page=${here.page}>
      <${MoneyFrame} page=${here.page}>${moneyPages[here.page](here)}<//>
    <//>`;
  }
  if (here.page in operatorPages) {
    return isOperator() ? operatorPages[here.page](here) : html`<${Wall} kind="forbidden" />`;
  }
  return html`<${Wall} kind="not-found" />`;
}

// List and ticket side by side where there is room, else one at a time.
function Desk({ here }) {
  const isTicket = here.page === "ticket";
  const isListShown = isWide.value || !isTicket;
  return html`<div class=${`desk ${isTicket ? "with-ticket" : ""}`}>
    <div class="desk-list">
      <h1 class="hidden">${t("inbox.title")}</h1>
      <${Inbox} chosen=${here.ticket_id} isShown=${isListShown} />
    </div>
    <div class="desk-main">
      ${isTicket
        ? html`<${TicketPage} key=${here.ticket_id} ticket_id=${here.ticket_id} />`
        : html`<p class="empty choose">${t("inbox.choose")}</p>`}
    </div>
  </div>`;
}

// After a change of page the keyboard goes on from the page, not from where the old link was.
function useFocusOnArrival(path) {
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    if (route.value.page !== "ticket") document.getElementById("main")?.focus();
  }, [path]);
}

function useTitle() {
  const unread = me.value ? unreadCount() : 0;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Viberdesk` : "Viberdesk";
  }, [unread, language.value]);
}

async function begin() {
  start.value = { is_done: false, problem: null };
  try {
    await resume();
    start.value = { is_done: true, problem: null };
  } catch (problem) {
    start.value = { is_done: false, problem };
    if (problem.status === undefined) throw problem;
  }
}

await loadLanguage();
render(html`<${App} />`, document.getElementById("app"));
begin();
