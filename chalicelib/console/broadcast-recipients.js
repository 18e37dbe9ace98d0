// Who a broadcast goes to and what became of each; a page is one part of it.

import { html, useEffect, useState } from "./view.js";
import { call } from "./api.js";
import { t, told } from "./i18n.js";
import { cost } from "./money.js";
import { full } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { Table } from "./table.js";

export function BroadcastRecipients({ path }) {
  const list = useRecipients(`${path}/recipients`);
  return html`<section class="block">
    <header class="page-head">
      <h2>${t("broadcast.recipients")}</h2>
      <button type="button" class="quiet" onClick=${list.reload}>${t("common.reload")}</button>
    </header>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length > 0 &&
    html`<${Table}
      title=${t("broadcast.recipients")}
      heads=${[
        t("report.recipient"),
        t("report.state"),
        t("statement.at"),
        { text: t("report.price"), isNumber: true },
      ]}
      rows=${list.items.map(rowOf)}
    />`}
    <${More} list=${list} />
  </section>`;
}

// These pages take no limit, each is what was sent together.
function useRecipients(path) {
  const [state, setState] = useState({ items: null, cursor: null, busy: false, problem: null });
  const read = async (cursor, before) => {
    setState((old) => ({ ...old, busy: true, problem: null }));
    try {
      const { data } = await call("GET", path, { query: { cursor } });
      const items = [...before, ...data.items];
      setState({ items, cursor: data.next_cursor, busy: false, problem: null });
    } catch (problem) {
      setState((old) => ({ ...old, busy: false, problem }));
    }
  };
  const reload = () => read(null, []);
  useEffect(() => {
    reload();
  }, [path]);
  return { ...state, reload, more: () => read(state.cursor, state.items) };
}

function rowOf(one) {
  const { contact_id, subscriber_id, state, reason, viber_status } = one;
  const at = one.seen_at ?? one.delivered_at ?? one.failed_at;
  const known = told("viber", viber_status ?? "") ?? told("skipped", reason) ?? told("reason", reason);
  // A phone that failed says why in words of its own.
  const why = known ?? reason;
  return {
    key: subscriber_id,
    "data-testid": "recipient",
    "data-state": state,
    cells: [
      html`<code>${contact_id ?? subscriber_id}</code>`,
      html`<span class="stack">
        <span>${told("line", state) ?? told("delivery", state) ?? state}</span>
        ${why && html`<span class="hint">${why}</span>`}
      </span>`,
      at && full(at),
      cost(one.price),
    ],
  };
}
