// The statement: every entry of the ledger, newest first, each open to its cause.

import { html, useState } from "./view.js";
import { families, t, told } from "./i18n.js";
import { botName } from "./directory.js";
import { usePages } from "./pages.js";
import { change, cost } from "./money.js";
import { route, to } from "./routes.js";
import { full, monthName, startOf } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { Table } from "./table.js";
import { Download } from "./download.js";
import { asAsked, BotFilter, Filter, PeriodFields, thisMonth } from "./period.js";

export function StatementPage() {
  const { kind = "", from, to: until } = route.value.query;
  const [wish, setWish] = useState({
    ...thisMonth(),
    ...(from && until ? { from, to: until } : {}),
    bot_id: "",
    kind,
  });
  const set = (name) => (value) => setWish({ ...wish, [name]: value });
  const days = asAsked(wish);
  const query = {
    from: days.from ? startOf(days.from) : "",
    to: days.to ? startOf(days.to) : "",
    bot_id: wish.bot_id,
    kind: wish.kind,
  };
  const kinds = families.entry.map((word) => [word, told("entry", word)]);
  return html`<section class="block">
    <h2>${t("statement.title")}</h2>
    <div class="narrowing">
      <${PeriodFields} period=${wish} onPeriod=${setWish} />
      <${BotFilter} value=${wish.bot_id} onValue=${set("bot_id")} />
      <${Filter}
        label=${t("statement.kind")}
        value=${wish.kind}
        options=${kinds}
        onValue=${set("kind")}
        testid="filter-kind"
      />
    </div>
    <${Entries} path="entries" query=${query} wayTo=${to.entry} />
    <${Download}
      path="reports/entries.csv"
      query=${{ from: days.from, to: days.to, bot_id: wish.bot_id }}
      name=${`entries-${wish.from}-${wish.to}.csv`}
    />
  </section>`;
}

// `wayTo` leads to an entry's own page, where there is one; `nameOf` names its bot; `actOf` gives
// what may be done about it.
export function Entries({ path, query = {}, wayTo, nameOf = botName, actOf, limit = 50 }) {
  const list = usePages(path, limit, query);
  const isNone = list.items?.length === 0 && !list.cursor;
  return html`
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${isNone && html`<p class="empty small">${t("statement.none")}</p>`}
    ${list.items?.length > 0 &&
    html`<${Table}
      title=${t("statement.title")}
      heads=${[
        t("statement.at"),
        t("statement.kind"),
        t("inbox.bot"),
        { text: t("statement.amount"), isNumber: true },
        ...(actOf ? [t("statement.acts")] : []),
      ]}
      rows=${list.items.map((entry) => rowOf(entry, { wayTo, nameOf, actOf }))}
    />`}
    <${More} list=${list} />
  `;
}

function rowOf(entry, { wayTo, nameOf, actOf }) {
  const { entry_id, at, kind, bot_id, facts } = entry;
  const name = told("entry", kind) ?? kind;
  return {
    key: entry_id,
    "data-testid": "entry",
    "data-entry-id": entry_id,
    "data-kind": kind,
    cells: [
      html`<time datetime=${at}>${full(at)}</time>`,
      html`<span>
        ${wayTo ? html`<a href=${wayTo(entry_id)}>${name}</a>` : name}
        ${facts.month && html` <span class="hint">${monthName(facts.month)}</span>`}
      </span>`,
      bot_id && html`<bdi>${nameOf(bot_id)}</bdi>`,
      html`<span class=${Number(entry.amount.amount) > 0 ? "in" : ""}>
        <${Amount} entry=${entry} />
      </span>`,
      ...(actOf ? [actOf(entry)] : []),
    ],
  };
}

// What an entry added or took; one that only moves money says from where to where.
export function Amount({ entry }) {
  if (!entry.moved) return change(entry.amount);
  return html`<span class="moved">
    ${cost(entry.moved)}${" "}
    <span class="hint">
      ${told("place", entry.moved_from) ?? entry.moved_from} → ${told("place", entry.moved_to) ??
      entry.moved_to}
    </span>
  </span>`;
}
