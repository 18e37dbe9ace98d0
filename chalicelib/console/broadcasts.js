// Broadcasts: the list, and planning a new one.

import { html, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { botName } from "./directory.js";
import { usePages } from "./pages.js";
import { cost, count } from "./money.js";
import { go, to } from "./routes.js";
import { full } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { BroadcastForm } from "./broadcast-form.js";
import { Icon } from "./icons.js";

const KINDS = {
  ready: "accent", running: "good", paused: "bad", stopping: "bad", stopped: "", done: "good",
};

export function BroadcastsPage() {
  const list = usePages("broadcasts", 20);
  const [isMaking, setMaking] = useState(false);
  return html`<div class="page">
    <header class="page-head">
      <h1>${t("broadcast.title")}</h1>
      <button
        type="button"
        class="primary"
        data-testid="new-broadcast"
        onClick=${() => setMaking(true)}
      >
        <${Icon} name="plus" /> ${t("broadcast.new")}
      </button>
    </header>
    ${isMaking &&
    html`<${BroadcastForm}
      onMade=${(broadcast_id) => go(to.broadcast(broadcast_id))}
      onClose=${() => setMaking(false)}
    />`}
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && !isMaking && html`<p class="empty">${t("broadcast.none")}</p>`}
    ${list.items?.map((one) => html`<${Tile} key=${one.broadcast_id} broadcast=${one} />`)}
    <${More} list=${list} />
  </div>`;
}

function Tile({ broadcast }) {
  const { broadcast_id, bot_id, state, content, created_at, plan } = broadcast;
  return html`<a class="tile" href=${to.broadcast(broadcast_id)} data-testid="broadcast-line"
    data-state=${state}>
    <span class="tile-words">
      <b><bdi>${content.text ?? told("type", content.type)}</bdi></b>
      <span>${botName(bot_id)} · ${full(created_at)}</span>
    </span>
    <span class="tile-badges">
      <span class="badge">${t("report.many", { count: count(plan.recipients) })}</span>
      <span class="badge">${cost(plan.price)}</span>
      <${BroadcastState} state=${state} />
    </span>
  </a>`;
}

export function BroadcastState({ state }) {
  return html`<span class=${`badge ${KINDS[state] ?? ""}`} data-testid="broadcast-state"
    data-state=${state}>
    ${told("broadcast", state) ?? state}
  </span>`;
}
