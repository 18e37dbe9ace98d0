// One account as an operator sees it: its balance and entries, a bank transfer, its books.

import { html, useState } from "./view.js";
import { newKey, post } from "./api.js";
import { t } from "./i18n.js";
import { accountName } from "./directory.js";
import { usePages } from "./pages.js";
import { change, cost, count, typed } from "./money.js";
import { to } from "./routes.js";
import { full } from "./times.js";
import { problemAt, Refusal, showToast, TextField, useAct } from "./widgets.js";
import { BalanceCard, useBalance } from "./balance.js";
import { AccountBots } from "./account-bots.js";
import { CorrectableEntries } from "./correction.js";
import { Table } from "./table.js";

const REFERENCE_MOST = 100;

export function AccountPage({ account_id }) {
  const path = `accounts/${encodeURIComponent(account_id)}`;
  const balance = useBalance(`${path}/balance`);
  const bots = usePages(`${path}/bots`, 200);
  const [turn, setTurn] = useState(0);
  const reload = () => {
    balance.reload();
    bots.reload();
    setTurn(turn + 1);
  };
  const nameOf = (bot_id) => bots.items?.find((bot) => bot.bot_id === bot_id)?.name ?? "";
  return html`<div class="page">
    <p><a href=${to.accounts}>${t("accounts.title")}</a></p>
    <header class="page-head">
      <h1><bdi>${accountName(account_id)}</bdi></h1>
      <button type="button" class="quiet" onClick=${reload}>${t("common.reload")}</button>
    </header>
    <section class="block">
      <h2>${t("balance.title")}</h2>
      <${BalanceCard} balance=${balance} />
    </section>
    <div class="columns">
      <${Transfer} path=${path} onCredited=${reload} />
      <${Books} path=${path} />
    </div>
    <${AccountBots} path=${path} bots=${bots} onChanged=${reload} />
    <section class="block">
      <h2>${t("statement.title")}</h2>
      <${CorrectableEntries} key=${turn} path=${path} nameOf=${nameOf} onCorrected=${reload} />
    </section>
  </div>`;
}

function Transfer({ path, onCredited }) {
  const [text, setText] = useState("");
  const [reference, setReference] = useState("");
  const [key, setKey] = useState(newKey);
  const [wrong, setWrong] = useState(null);
  const { busy, problem, run } = useAct(async (amount) => {
    const entry = await post(`${path}/transfers`, { amount, reference }, { key });
    showToast(t("desk.credited", { amount: change(entry.amount) }));
    setText("");
    setReference("");
    setKey(newKey());
    onCredited();
  });
  // Another amount or reference is another wish.
  const edit = (set) => (value) => {
    set(value);
    setKey(newKey());
    setWrong(null);
  };
  const submit = (event) => {
    event.preventDefault();
    const amount = typed(text);
    const isNone = !amount || Number(amount.amount) === 0;
    setWrong(isNone ? { field: "amount", text: t("top_up.wrong") } : null);
    if (!isNone) run(amount);
  };
  const atAmount = wrong ?? problemAt(problem, "amount");
  const atReference = problemAt(problem, "reference");
  return html`<section class="block">
    <h2>${t("desk.transfer")}</h2>
    <p class="hint">${t("desk.transfer_hint")}</p>
    <form onSubmit=${submit} novalidate data-testid="transfer">
      <${TextField}
        name="amount"
        label=${t("top_up.amount")}
        inputmode="decimal"
        autocomplete="off"
        value=${text}
        problem=${atAmount}
        onValue=${edit(setText)}
        testid="transfer-amount"
      />
      <${TextField}
        name="reference"
        label=${t("desk.reference")}
        hint=${t("desk.reference_hint")}
        autocomplete="off"
        maxlength=${REFERENCE_MOST}
        value=${reference}
        problem=${atReference}
        onValue=${edit(setReference)}
        testid="transfer-reference"
      />
      ${!atAmount && !atReference && html`<${Refusal} problem=${problem} />`}
      <button
        type="submit"
        class="primary"
        disabled=${busy || !reference.trim()}
        data-testid="transfer-submit"
      >
        ${busy ? t("common.waiting") : t("desk.credit")}
      </button>
    </form>
  </section>`;
}

// The audit: the account's balance held against its entries and what they are for.
function Books({ path }) {
  const [found, setFound] = useState(null);
  const { busy, problem, run } = useAct(async (whole) => {
    setFound(null);
    setFound(await post(`${path}/audit`, { whole }));
  });
  return html`<section class="block">
    <h2>${t("books.title")}</h2>
    <p class="hint">${t("books.hint")}</p>
    <div class="actions">
      <button type="button" disabled=${busy} data-testid="audit" onClick=${() => run(false)}>
        ${busy ? t("common.waiting") : t("books.audit")}
      </button>
      <button type="button" class="quiet" disabled=${busy} onClick=${() => run(true)}>
        ${t("books.whole")}
      </button>
    </div>
    <${Refusal} problem=${problem} />
    ${found && html`<${Findings} found=${found} />`}
  </section>`;
}

function Findings({ found }) {
  const { balances, entries, facts, total, at, since, findings } = found;
  return html`<div
      class=${`notice ${balances ? "good" : "bad"}`}
      role="status"
      data-testid="audit-result"
      data-balances=${String(balances)}
    >
      <p><b>${balances ? t("books.good") : t("books.bad", { count: count(findings.length) })}</b></p>
      <p>
        ${t("books.over", { entries: count(entries), facts: count(facts), total: cost(total) })}${" "}
        ${since ? t("books.since", { at: full(since) }) : t("books.from_first")}
      </p>
      <p class="hint">${full(at)}</p>
    </div>
    ${findings.length > 0 &&
    html`<${Table}
      title=${t("books.title")}
      heads=${[t("statement.kind"), t("entry.cause"), t("books.expected"), t("books.found")]}
      rows=${findings.map((one, place) => ({
        key: place,
        cells: [one.kind, html`<code>${one.subject}</code>`, one.expected, one.found],
      }))}
    />`}`;
}
