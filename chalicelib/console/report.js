// The report: what was paid for in a period, line by line, and sums that the ledger agrees with.

import { html, useEffect, useState } from "./view.js";
import { get } from "./api.js";
import { t, told } from "./i18n.js";
import { botName, people } from "./directory.js";
import { usePages } from "./pages.js";
import { change, cost, count, sum } from "./money.js";
import { to } from "./routes.js";
import { clock, countryName, dayOf, full } from "./times.js";
import { Loading, More, PageProblem, Refusal } from "./widgets.js";
import { Table } from "./table.js";
import { countryOptions } from "./countries.js";
import { Download } from "./download.js";
import { asAsked, BotFilter, Filter, PeriodFields, thisMonth } from "./period.js";

export function ReportPage() {
  const [wish, setWish] = useState({ ...thisMonth(), bot_id: "", country: "", agent_id: "" });
  const set = (name) => (value) => setWish({ ...wish, [name]: value });
  const query = { ...wish, ...asAsked(wish) };
  const agents = people.value.map((person) => [person.person_id, person.name]);
  return html`
    <section class="block">
      <h2>${t("report.title")}</h2>
      <div class="narrowing">
        <${PeriodFields} period=${wish} onPeriod=${setWish} />
        <${BotFilter} value=${wish.bot_id} onValue=${set("bot_id")} />
        <${Filter}
          label=${t("contact.country")}
          value=${wish.country}
          options=${countryOptions()}
          onValue=${set("country")}
          testid="filter-country"
        />
        <${Filter}
          label=${t("report.agent")}
          value=${wish.agent_id}
          options=${agents}
          onValue=${set("agent_id")}
          testid="filter-agent"
        />
      </div>
      <${Totals} query=${query} wish=${wish} />
    </section>
    <section class="block">
      <h2>${t("report.lines")}</h2>
      <${Lines} query=${query} />
      <${Download}
        path="reports/messages.csv"
        query=${query}
        name=${`messages-${wish.from}-${wish.to}.csv`}
      />
    </section>
  `;
}

// The sums come in parts, as many as the period has; only all of them together are shown.
function Totals({ query, wish }) {
  const [state, setState] = useState({ parts: [], isDone: false, problem: null });
  const asked = JSON.stringify(query);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    let isOver = false;
    setState({ parts: [], isDone: false, problem: null });
    const read = async () => {
      const parts = [];
      let cursor = null;
      do {
        const part = await get("reports/totals", { ...query, cursor });
        parts.push(part);
        cursor = part.next_cursor;
      } while (cursor && !isOver);
      if (!isOver) setState({ parts, isDone: true, problem: null });
    };
    read().catch((problem) => isOver || setState({ parts: [], isDone: false, problem }));
    return () => {
      isOver = true;
    };
  }, [asked, turn]);

  const { parts, isDone, problem } = state;
  if (problem) return html`<${Refusal} problem=${problem} onRetry=${() => setTurn(turn + 1)} />`;
  if (!isDone) return html`<${Loading} />`;
  const sums = byKind(parts.flatMap((part) => part.sums));
  const total = sum(parts.map((part) => part.total));
  return html`
    <${Table}
      testid="totals"
      title=${t("report.totals")}
      heads=${[
        t("statement.kind"),
        { text: t("report.count"), isNumber: true },
        { text: t("statement.amount"), isNumber: true },
      ]}
      rows=${sums.map(([kind, one]) => sumRow(kind, one, wish))}
      foot=${[
        t("report.total"),
        count(sums.reduce((all, [, one]) => all + one.count, 0)),
        html`<span data-testid="total" data-amount=${total.amount}>${change(total)}</span>`,
      ]}
    />
    <p class="hint" data-testid="held-now">
      ${t("report.held", { amount: cost(parts.at(-1).held) })}${" "}
      ${t("report.zone", { zone: parts.at(-1).time_zone })}
    </p>
  `;
}

function sumRow(kind, one, wish) {
  const query = new URLSearchParams({ kind, from: wish.from, to: wish.to });
  return {
    key: kind,
    "data-testid": "sum",
    "data-kind": kind,
    cells: [
      html`<a href=${`${to.statement}?${query}`}>${told("entry", kind) ?? kind}</a>`,
      count(one.count),
      change(one.amount),
    ],
  };
}

function byKind(sums) {
  const found = new Map();
  for (const one of sums) {
    const old = found.get(one.kind);
    const amount = old ? sum([old.amount, one.amount]) : one.amount;
    found.set(one.kind, { count: (old?.count ?? 0) + one.count, amount });
  }
  return [...found];
}

function Lines({ query }) {
  const list = usePages("reports/messages", 50, query);
  const isNone = list.items?.length === 0 && !list.cursor;
  const heads = [
    t("report.sent_at"), t("report.charged_at"), t("inbox.bot"), t("report.recipient"),
    t("contact.country"), t("statement.kind"), t("report.state"),
    { text: t("report.price"), isNumber: true },
  ];
  return html`
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${isNone && html`<p class="empty small">${t("report.none")}</p>`}
    ${list.items?.length > 0 &&
    html`<${Table}
      title=${t("report.lines")}
      heads=${heads}
      rows=${list.items.map(rowOf)}
      dense=${true}
    />`}
    <${More} list=${list} />
  `;
}

function rowOf(line) {
  const { entry_id, charged_at, sent_at, bot_id, bot_name, recipient, kind, price_kind } = line;
  const name = told("price", price_kind) ?? told("entry", kind) ?? kind;
  const many = kind === "broadcast" && t("report.many", { count: count(line.count) });
  return {
    key: `${entry_id} ${line.country}`,
    "data-testid": "report-line",
    "data-entry-id": entry_id,
    cells: [
      sent_at && html`<time datetime=${sent_at}>${full(sent_at)}</time>`,
      html`<${Charged} line=${line} />`,
      html`<bdi>${bot_name || botName(bot_id)}</bdi>`,
      html`<bdi>${recipient.name || many || t("contact.unnamed")}</bdi>`,
      line.country && countryName(line.country),
      html`<a href=${to.entry(entry_id)}>${name}</a>`,
      told("delivery", line.state) ?? line.state,
      cost(line.price),
    ],
  };
}

// The hour alone for what was charged on the day it was sent.
function Charged({ line: { sent_at, charged_at } }) {
  const isSameDay = sent_at && dayOf(sent_at) === dayOf(charged_at);
  return html`<time datetime=${charged_at} title=${full(charged_at)}>
    ${isSameDay ? clock(charged_at) : full(charged_at)}
  </time>`;
}
