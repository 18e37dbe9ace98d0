// One entry of the ledger, with all that it says of its cause and the way to it.

import { html } from "./view.js";
import { t, told } from "./i18n.js";
import { botName } from "./directory.js";
import { useOne } from "./pages.js";
import { cost, count, CURRENCY } from "./money.js";
import { to } from "./routes.js";
import { countryName, full, monthName } from "./times.js";
import { Loading, PageProblem } from "./widgets.js";
import { Amount } from "./statement.js";

// Ids say little to people; those that lead somewhere become links of their own.
const SILENT = ["author_id", "subscriber_id", "ticket_id", "session_id", "request_id", "broadcast_id"];

export function EntryPage({ entry_id }) {
  const entry = useOne(`entries/${encodeURIComponent(entry_id)}`);
  const { data, problem } = entry;
  return html`<section class="block" data-testid="entry-page">
    <p><a href=${to.statement}>${t("entry.back")}</a></p>
    ${problem && html`<${PageProblem} problem=${problem} onRetry=${entry.reload} />`}
    ${!data && !problem && html`<${Loading} />`}
    ${data && html`<${Entry} entry=${data} />`}
  </section>`;
}

function Entry({ entry }) {
  const { kind, at, cause, bot_id, corrects, facts } = entry;
  const lines = Object.entries(facts).filter(([name]) => !SILENT.includes(name));
  return html`
    <h2>${told("entry", kind) ?? kind}</h2>
    <p class="sum"><${Amount} entry=${entry} /></p>
    <dl class="facts">
      <div><dt>${t("statement.at")}</dt><dd>${full(at)}</dd></div>
      ${bot_id && html`<div><dt>${t("inbox.bot")}</dt><dd><bdi>${botName(bot_id)}</bdi></dd></div>`}
      ${lines.map(
        ([name, value]) =>
          html`<div key=${name}>
            <dt>${told("fact", name) ?? name}</dt>
            <dd><bdi>${plain(name, value)}</bdi></dd>
          </div>`,
      )}
      <div><dt>${t("entry.cause")}</dt><dd><code data-testid="cause">${cause}</code></dd></div>
      ${corrects &&
      html`<div><dt>${t("entry.corrects")}</dt><dd><code>${corrects}</code></dd></div>`}
    </dl>
    <${Ways} facts=${facts} />
  `;
}

// Where the cause of the entry can be seen.
function Ways({ facts }) {
  const ways = [
    facts.ticket_id && [to.ticket(facts.ticket_id), t("entry.to_ticket")],
    facts.session_id && [to.sessions, t("entry.to_sessions")],
    facts.broadcast_id && [to.broadcast(facts.broadcast_id), t("entry.to_broadcast")],
    facts.request_id && [to.requests, t("entry.to_requests")],
  ].filter(Boolean);
  return html`<p class="actions">
    ${ways.map(([href, text]) => html`<a key=${href} class="button" href=${href}>${text}</a>`)}
  </p>`;
}

function plain(name, value) {
  if (value?.currency) return cost(value);
  if (name === "countries") return Object.entries(value).map(ofCountry).join("; ");
  if (name === "prices") return Object.entries(value).map(atPrice).join("; ");
  if (name.endsWith("_at") && Number.isFinite(value)) return full(new Date(value));
  if (name === "month") return monthName(value);
  if (name === "country") return countryName(value);
  if (["kind", "price_kind"].includes(name)) return told("price", value) ?? value;
  if (["purpose"].includes(name)) return told("request", value) ?? value;
  if (["protects"].includes(name)) return told("entry", value) ?? value;
  if (name === "proof") return told("delivery", value) ?? value;
  if (name === "reason") return told("why", value) ?? value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function ofCountry([code, { lines, amount }]) {
  const name = code ? countryName(code) : t("entry.no_country");
  return `${name}: ${count(lines)} · ${cost({ amount, currency: CURRENCY })}`;
}

const atPrice = ([amount, lines]) => `${count(lines)} × ${cost({ amount, currency: CURRENCY })}`;
