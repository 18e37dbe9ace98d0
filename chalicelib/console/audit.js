// Who changed what in the account.

import { html } from "./view.js";
import { t, told } from "./i18n.js";
import { botName, people } from "./directory.js";
import { usePages } from "./pages.js";
import { to } from "./routes.js";
import { me } from "./session.js";
import { full } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { Details } from "./audit-details.js";

export function AuditPage() {
  const list = usePages("audit");
  return html`
    <header class="page-head">
      <h1>${t("audit.title")}</h1>
      <button type="button" onClick=${list.reload}>${t("common.reload")}</button>
    </header>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("audit.none")}</p>`}
    ${list.items?.length > 0 &&
    html`<div class="table-frame" tabindex="0" role="region" aria-label=${t("audit.title")}>
      <table>
        <thead>
          <tr>
            <th scope="col">${t("audit.at")}</th>
            <th scope="col">${t("audit.by")}</th>
            <th scope="col">${t("audit.action")}</th>
            <th scope="col">${t("audit.subject")}</th>
            <th scope="col">${t("audit.facts")}</th>
          </tr>
        </thead>
        <tbody>
          ${list.items.map((line, index) => html`<${Line} key=${index} line=${line} />`)}
        </tbody>
      </table>
    </div>`}
    <${More} list=${list} />
  `;
}

function Line({ line }) {
  const { at, by, by_name, action, subject, facts } = line;
  return html`<tr data-testid="audit-line" data-action=${action}>
    <td><time datetime=${at}>${full(at)}</time></td>
    <td title=${by}><bdi>${by_name || by}</bdi></td>
    <td>${told("action", action) ?? action}</td>
    <td title=${subject}>${named(subject) ?? kindOf(subject) ?? html`<code>${subject}</code>`}</td>
    <td class="audit-facts"><${Details} facts=${facts} /></td>
  </tr>`;
}

// Bots, people and the account have names; what has a page leads there; all else its id.
function named(id) {
  const { account } = me.value;
  const name =
    botName(id) ||
    people.value.find((person) => person.person_id === id)?.name ||
    (id === account.account_id && account.name);
  return name ? html`<bdi>${name}</bdi>` : null;
}

function kindOf(id) {
  if (id.startsWith("brc_")) return html`<a href=${to.broadcast(id)}>${t("broadcast.one")}</a>`;
  if (id.startsWith("req_")) return html`<a href=${to.requests}>${t("detail.kind")}</a>`;
  if (id.startsWith("key_")) return html`<a href=${to.keys}>${t("keys.key")}</a>`;
  if (id.startsWith("ent_")) return html`<a href=${to.entry(id)}>${t("entry.one")}</a>`;
  return null;
}
