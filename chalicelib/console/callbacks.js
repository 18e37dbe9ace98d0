// Callbacks of Viber that could not be worked off at once, and the way to try them again.

import { html } from "./view.js";
import { post } from "./api.js";
import { t, told } from "./i18n.js";
import { usePages } from "./pages.js";
import { full } from "./times.js";
import { Loading, More, Refusal, useAct } from "./widgets.js";

export function Callbacks({ path }) {
  const list = usePages(path, 20);
  const renew = (answer) =>
    list.change((items) =>
      items.map((one) => (one.callback_id === answer.callback_id ? answer : one)),
    );
  return html`<section class="block">
    <header class="page-head">
      <h2>${t("callbacks.title")}</h2>
      <button type="button" class="quiet" onClick=${list.reload}>${t("common.reload")}</button>
    </header>
    <p class="hint">${t("callbacks.hint")}</p>
    <${Refusal} problem=${list.problem} onRetry=${list.reload} />
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty small">${t("callbacks.none")}</p>`}
    <ul class="lines">
      ${list.items?.map(
        (one) =>
          html`<${Callback}
            key=${one.callback_id}
            callback=${one}
            path=${path}
            onReplayed=${renew}
          />`,
      )}
    </ul>
    <${More} list=${list} />
  </section>`;
}

function Callback({ callback, path, onReplayed }) {
  const { callback_id, event, state, trouble, tries, received_at } = callback;
  const { busy, problem, run } = useAct(async () =>
    onReplayed(await post(`${path}/${encodeURIComponent(callback_id)}/replay`)),
  );
  const kind = { replayed: "good", given_up: "bad", malformed: "bad" }[state] ?? "";
  return html`<li data-testid="callback" data-callback-id=${callback_id} data-state=${state}>
    <div class="line-head">
      <code>${event}</code>
      <span class=${`badge ${kind}`}>${told("callback", state) ?? state}</span>
      <time class="hint" datetime=${received_at}>${full(received_at)}</time>
    </div>
    ${trouble && html`<p class="trouble">${trouble}</p>`}
    <p class="hint">${t("callbacks.tries", { tries })}</p>
    <${Refusal} problem=${problem} />
    ${state !== "replayed" &&
    html`<button type="button" disabled=${busy} data-testid="replay" onClick=${run}>
      ${busy ? t("common.waiting") : t("callbacks.replay")}
    </button>`}
  </li>`;
}
