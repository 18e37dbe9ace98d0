// What operators have to look at: messages that Viber counts otherwise, payments that did not fit.

import { html } from "./view.js";
import { t, told } from "./i18n.js";
import { accountName } from "./directory.js";
import { usePages } from "./pages.js";
import { cost } from "./money.js";
import { to } from "./routes.js";
import { full } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { Table } from "./table.js";

export function DifferencesPage() {
  const messages = usePages("desk/differences", 50);
  const payments = usePages("desk/top-ups", 50);
  return html`<div class="page">
    <h1>${t("differences.title")}</h1>
    <section class="block">
      <h2>${t("differences.messages")}</h2>
      <p class="hint">${t("differences.hint")}</p>
      <${List}
        list=${messages}
        title=${t("differences.messages")}
        heads=${[
          t("statement.at"),
          t("differences.account"),
          t("statement.kind"),
          t("fact.message_id"),
          { text: t("report.price"), isNumber: true },
        ]}
        rowOf=${messageRow}
      />
    </section>
    <section class="block">
      <h2>${t("differences.payments")}</h2>
      <p class="hint">${t("differences.payments_hint")}</p>
      <${List}
        list=${payments}
        title=${t("differences.payments")}
        heads=${[
          t("statement.at"),
          t("differences.account"),
          t("fact.payment"),
          t("differences.facts"),
          { text: t("statement.amount"), isNumber: true },
        ]}
        rowOf=${paymentRow}
      />
    </section>
  </div>`;
}

function List({ list, title, heads, rowOf }) {
  return html`
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty small">${t("differences.none")}</p>`}
    ${list.items?.length > 0 &&
    html`<${Table} ...${{ title, heads }} rows=${list.items.map(rowOf)} />`}
    <${More} list=${list} />
  `;
}

const account = (account_id) =>
  html`<a href=${to.account(account_id)}><bdi>${accountName(account_id)}</bdi></a>`;

function messageRow(one) {
  return {
    key: `${one.message_id} ${one.kind}`,
    "data-testid": "difference",
    "data-kind": one.kind,
    cells: [
      full(one.at),
      account(one.account_id),
      told("difference", one.kind) ?? one.kind,
      html`<code>${one.message_id}</code>`,
      cost(one.price),
    ],
  };
}

function paymentRow({ account_id, top_up, payment, facts }) {
  const words = Object.entries(facts).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return {
    key: top_up.top_up_id,
    "data-testid": "review",
    cells: [
      full(top_up.created_at),
      account(account_id),
      payment && html`<code>${payment}</code>`,
      html`<code>${words.join(", ")}</code>`,
      cost(top_up.amount),
    ],
  };
}
