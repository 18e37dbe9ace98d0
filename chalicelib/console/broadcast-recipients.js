// Who a broadcast goes to and what became of each; a page is one part of it.

import { html, useEffect, useRef, useState } from "./view.js";
import { call } from "./api.js";
import { t, told } from "./i18n.js";
import { cost } from "./money.js";
import { to } from "./routes.js";
import { full } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { Table } from "./table.js";

// `news` is what differs whenever some line may have another state.
export function BroadcastRecipients({ path, news }) {
  const list = useRecipients(`${path}/recipients`, news);
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

// These pages take no limit, each is what was sent together. News read as many again as are shown.
function useRecipients(path, news) {
  const [state, setState] = useState({ items: null, cursor: null, busy: false, problem: null });
  const asking = useRef(null);
  const shown = useRef(1);
  const read = async (pages, cursor, before) => {
    const mine = {};
    asking.current = mine;
    setState((old) => ({ ...old, busy: true, problem: null }));
    try {
      const items = [...before];
      let next = cursor;
      for (let page = 0; page < pages && (page === 0 || next) && asking.current === mine; page += 1) {
        const { data } = await call("GET", path, { query: { cursor: next } });
        items.push(...data.items);
        next = data.next_cursor;
      }
      if (asking.current !== mine) return;
      setState({ items, cursor: next, busy: false, problem: null });
    } catch (problem) {
      if (asking.current === mine) setState((old) => ({ ...old, busy: false, problem }));
    }
  };
  const reload = () => read(shown.current, null, []);
  useEffect(() => {
    reload();
  }, [path, news]);
  const more = () => {
    shown.current += 1;
    return read(1, state.cursor, state.items);
  };
  return { ...state, reload, more };
}

function rowOf(one) {
  const { contact_name, ticket_id, subscriber_id, state, reason, viber_status } = one;
  const name = html`<bdi>${contact_name || t("contact.unnamed")}</bdi>`;
  const at = one.seen_at ?? one.delivered_at ?? one.failed_at;
  const known = told("viber", viber_status ?? "") ?? told("skipped", reason) ?? told("reason", reason);
  // A phone that failed says why in words of its own.
  const why = known ?? reason;
  return {
    key: subscriber_id,
    "data-testid": "recipient",
    "data-state": state,
    cells: [
      ticket_id ? html`<a href=${to.ticket(ticket_id)}>${name}</a>` : name,
      html`<span class="stack">
        <span>${told("line", state) ?? told("delivery", state) ?? state}</span>
        ${why && html`<span class="hint">${why}</span>`}
      </span>`,
      at && full(at),
      cost(one.price),
    ],
  };
}
