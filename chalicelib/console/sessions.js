// Sessions, live and past: who with, how far they have gone, what they cost and why they closed.

import { html, useState } from "./view.js";
import { families, t, told } from "./i18n.js";
import { botName } from "./directory.js";
import { usePages } from "./pages.js";
import { cost } from "./money.js";
import { to } from "./routes.js";
import { full } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { Table } from "./table.js";
import { BotFilter, Filter } from "./period.js";

const LIVE = ["waiting", "open"];
const KINDS = { open: "good", waiting: "accent" };

export function SessionsPage() {
  const [wish, setWish] = useState({ view: "live", state: "", reason: "", bot_id: "" });
  const { view } = wish;
  const list = usePages("sessions", 50, wish);
  const show = (other) => setWish({ ...wish, view: other, state: "", reason: "" });
  return html`<div class="page">
    <header class="page-head">
      <h1>${t("sessions.title")}</h1>
      <button type="button" class="quiet" onClick=${list.reload}>${t("common.reload")}</button>
    </header>
    <p class="hint">${t("sessions.hint")}</p>
    <div class="narrowing">
      <div class="tabs" role="group" aria-label=${t("sessions.view")}>
        ${[["live", t("sessions.live")], ["closed", t("sessions.closed")]].map(
          ([word, text]) =>
            html`<button
              key=${word}
              type="button"
              aria-pressed=${String(view === word)}
              data-testid=${`view-${word}`}
              onClick=${() => show(word)}
            >
              ${text}
            </button>`,
        )}
      </div>
      ${view === "live"
        ? html`<${Filter}
            label=${t("sessions.state")}
            value=${wish.state}
            options=${LIVE.map((word) => [word, told("session", word)])}
            onValue=${(state) => setWish({ ...wish, state })}
            testid="filter-state"
          />`
        : html`<${Filter}
            label=${t("sessions.reason")}
            value=${wish.reason}
            options=${families.session_reason.map((word) => [word, told("session_reason", word)])}
            onValue=${(reason) => setWish({ ...wish, reason })}
            testid="filter-reason"
          />`}
      <${BotFilter} value=${wish.bot_id} onValue=${(bot_id) => setWish({ ...wish, bot_id })} />
    </div>
    <${List} list=${list} view=${view} />
  </div>`;
}

function List({ list, view }) {
  const isNone = list.items?.length === 0 && !list.cursor;
  const heads = [
    t("sessions.with"), t("sessions.state"), t("sessions.begun"),
    view === "live" ? t("sessions.ends") : t("sessions.closed_at"),
    t("sessions.sent"), t("sessions.unanswered"), { text: t("sessions.price"), isNumber: true },
  ];
  return html`
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${isNone &&
    html`<p class="empty">
      ${view === "live" ? t("sessions.none_live") : t("sessions.none_closed")}
    </p>`}
    ${list.items?.length > 0 &&
    html`<${Table} title=${t("sessions.title")} heads=${heads} rows=${list.items.map(rowOf)} />`}
    <${More} list=${list} />
  `;
}

function rowOf(session) {
  const { session_id, bot_id, ticket_id, contact_name, state, reason, money } = session;
  const name = contact_name || t("contact.unnamed");
  const of = (number, most) => (most === null ? String(number) : `${number} / ${most}`);
  const end = state === "closed" ? session.closed_at : session.ends_at;
  return {
    key: session_id,
    "data-testid": "session",
    "data-session-id": session_id,
    "data-state": state,
    "data-reason": reason ?? "",
    cells: [
      html`<span class="stack">
        ${ticket_id
          ? html`<a href=${to.ticket(ticket_id)}><bdi>${name}</bdi></a>`
          : html`<bdi>${name}</bdi>`}
        <span class="hint"><bdi>${botName(bot_id)}</bdi></span>
      </span>`,
      html`<span class="stack">
        <span class=${`badge ${KINDS[state] ?? ""}`}>${told("session", state) ?? state}</span>
        ${reason && html`<span class="hint">${told("session_reason", reason) ?? reason}</span>`}
      </span>`,
      html`<time datetime=${session.begun_at}>${full(session.begun_at)}</time>`,
      end && html`<time datetime=${end}>${full(end)}</time>`,
      of(session.sent, session.sent_max),
      of(session.unanswered, session.unanswered_max),
      html`<span class="stack">
        <span>${session.price ? cost(session.price) : "–"}</span>
        ${money !== "none" && html`<span class="hint">${told("money", money) ?? money}</span>`}
      </span>`,
    ],
  };
}
