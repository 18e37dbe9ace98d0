// One broadcast: its plan and price before the start, then how far it is and what it costs.

import { html, useEffect, useRef, useState } from "./view.js";
import { post } from "./api.js";
import { t, told } from "./i18n.js";
import { botName } from "./directory.js";
import { follow } from "./live.js";
import { cost, count, isZero, typed } from "./money.js";
import { to } from "./routes.js";
import { full } from "./times.js";
import { Confirm, Loading, PageProblem, Refusal, TextField, useAct } from "./widgets.js";
import { BroadcastState } from "./broadcasts.js";
import { BroadcastRecipients } from "./broadcast-recipients.js";
import { Text } from "./content.js";

// The lines of so many parts are counted as they are now; those of more as of their last pass.
const COUNTED_NOW_MOST = 3;

export function BroadcastPage({ broadcast_id }) {
  const path = `broadcasts/${encodeURIComponent(broadcast_id)}`;
  const { data, problem, nudge } = useFollowed(path);
  return html`<div class="page">
    <p><a href=${to.broadcasts}>${t("broadcast.title")}</a></p>
    ${problem && !data && html`<${PageProblem} problem=${problem} />`}
    ${!data && !problem && html`<${Loading} />`}
    ${data && html`<${Broadcast} broadcast=${data} path=${path} onActed=${nudge} />`}
  </div>`;
}

function useFollowed(path) {
  const [state, setState] = useState({ data: null, problem: null });
  const following = useRef(null);
  useEffect(() => {
    following.current = follow(path, {
      onData: (data) => setState({ data, problem: null }),
      onProblem: (problem) => setState((old) => ({ ...old, problem })),
    });
    return () => following.current.stop();
  }, [path]);
  return { ...state, nudge: () => following.current.nudge() };
}

function Broadcast({ broadcast, path, onActed }) {
  const { bot_id, state, content, created_at, created_by_name, lines } = broadcast;
  return html`
    <section class="block" data-testid="broadcast" data-state=${state}>
      <header class="page-head">
        <h1>${t("broadcast.one")} <${BroadcastState} state=${state} /></h1>
        <${Acts} ...${{ broadcast, path, onActed }} />
      </header>
      <p class="hint">
        <bdi>${botName(bot_id)}</bdi> · ${created_by_name} · ${full(created_at)}
      </p>
      <blockquote>
        ${content.text
          ? html`<${Text} text=${content.text} />`
          : html`<p>${told("type", content.type)} ${content.media ?? ""}</p>`}
      </blockquote>
      <${Why} broadcast=${broadcast} />
      <${Plan} broadcast=${broadcast} />
      ${["running", "paused", "stopping", "stopped", "done"].includes(state) &&
      html`<${Progress} broadcast=${broadcast} />`}
      ${state === "ready" && html`<${Start} ...${{ broadcast, path, onActed }} />`}
    </section>
    ${broadcast.started_at &&
    html`<${BroadcastRecipients} path=${path} news=${`${state} ${JSON.stringify(lines)}`} />`}
  `;
}

function Why({ broadcast }) {
  const { state, reason, words, waits_until } = broadcast;
  if (state === "planning") return html`<p role="status">${t("broadcast.counting")}</p>`;
  if (waits_until) {
    return html`<p class="notice">${t("broadcast.waits", { at: full(waits_until) })}</p>`;
  }
  if (!reason) return null;
  const text = told("pause", reason) ?? told("problem", reason) ?? told("reason", reason);
  return html`<p class="notice" data-testid="broadcast-reason" data-reason=${reason}>
    ${text ?? words ?? reason}
  </p>`;
}

function Plan({ broadcast }) {
  const { plan, spending_cap } = broadcast;
  if (broadcast.state === "planning") return null;
  return html`<dl class="totals" data-testid="plan">
    <div><dt>${t("broadcast.recipients")}</dt><dd>${count(plan.recipients)}</dd></div>
    <div><dt>${t("broadcast.together")}</dt><dd>${count(plan.together)}</dd></div>
    <div><dt>${t("broadcast.apart")}</dt><dd>${count(plan.apart)}</dd></div>
    <div>
      <dt>${t("report.price")}</dt>
      <dd data-testid="plan-price" data-amount=${plan.price.amount}>${cost(plan.price)}</dd>
    </div>
    ${spending_cap && html`<div><dt>${t("broadcast.cap")}</dt><dd>${cost(spending_cap)}</dd></div>`}
    ${Object.entries(plan.skipped).map(
      ([reason, number]) =>
        html`<div key=${reason} data-testid="skipped" data-reason=${reason}>
          <dt>${told("skipped", reason) ?? reason}</dt>
          <dd>${count(number)}</dd>
        </div>`,
    )}
  </dl>`;
}

function Progress({ broadcast }) {
  const { chunks, chunks_done, lines, held, spent, committed } = broadcast;
  return html`<div class="used" data-testid="progress">
    <progress max=${Math.max(chunks, 1)} value=${chunks_done} aria-label=${t("broadcast.progress")}>
    </progress>
    <dl class="totals">
      ${Object.entries(lines).map(
        ([state, number]) =>
          html`<div key=${state} data-testid="lines" data-state=${state} data-count=${number}>
            <dt>${told("line", state) ?? told("delivery", state) ?? state}</dt>
            <dd>${count(number)}</dd>
          </div>`,
      )}
      <div><dt>${t("balance.held")}</dt><dd>${cost(held)}</dd></div>
      <div><dt>${t("broadcast.spent")}</dt><dd>${cost(spent)}</dd></div>
      <div><dt>${t("broadcast.committed")}</dt><dd>${cost(committed)}</dd></div>
    </dl>
    <p class="hint">${t("broadcast.later")}</p>
    ${chunks > COUNTED_NOW_MOST && html`<p class="hint">${t("broadcast.stale")}</p>`}
  </div>`;
}

// The start says once more to how many and for how much.
function Start({ broadcast, path, onActed }) {
  const { plan } = broadcast;
  const { busy, problem, run } = useAct(async () => {
    await post(`${path}/start`, { agreed_price: plan.price });
    onActed();
  });
  if (plan.recipients === 0) return html`<p class="notice">${t("broadcast.nobody")}</p>`;
  return html`<${Refusal} problem=${problem} onRetry=${onActed} />
    <div class="actions">
      <button type="button" class="primary" disabled=${busy} data-testid="start" onClick=${run}>
        ${busy
          ? t("common.waiting")
          : t("broadcast.start", { count: count(plan.recipients), price: cost(plan.price) })}
      </button>
    </div>`;
}

function Acts({ broadcast, path, onActed }) {
  const { state, reason, spending_cap } = broadcast;
  const [isStopping, setStopping] = useState(false);
  const [cap, setCap] = useState(spending_cap?.amount ?? "");
  const act = async (verb, body) => {
    await post(`${path}/${verb}`, body);
    onActed();
  };
  const pause = useAct(() => act("pause"));
  const resume = useAct(() => {
    const another = reason === "cap-reached" && cap ? typed(cap) : null;
    return act("resume", another && !isZero(another) ? { spending_cap: another } : {});
  });
  const canStop = ["planning", "ready", "running", "paused"].includes(state);
  return html`<div class="actions">
    <${Refusal} problem=${pause.problem ?? resume.problem} />
    ${state === "running" &&
    html`<button type="button" disabled=${pause.busy} data-testid="pause" onClick=${pause.run}>
      ${t("broadcast.pause")}
    </button>`}
    ${state === "paused" &&
    reason === "cap-reached" &&
    html`<${TextField}
      label=${t("broadcast.cap")}
      inputmode="decimal"
      value=${cap}
      onValue=${setCap}
      testid="new-cap"
    />`}
    ${state === "paused" &&
    html`<button
      type="button"
      class="primary"
      disabled=${resume.busy}
      data-testid="resume"
      onClick=${resume.run}
    >
      ${t("broadcast.resume")}
    </button>`}
    ${canStop &&
    html`<button
      type="button"
      class="danger"
      data-testid="stop"
      onClick=${() => setStopping(true)}
    >
      ${t("broadcast.stop")}
    </button>`}
    ${isStopping &&
    html`<${Confirm}
      title=${t("broadcast.stop_title")}
      text=${t("broadcast.stop_text")}
      verb=${t("broadcast.stop")}
      onYes=${() => act("stop")}
      onClose=${() => setStopping(false)}
    />`}
  </div>`;
}
