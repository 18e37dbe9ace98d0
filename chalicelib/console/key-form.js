// The key of a bot, pasted; Viber's own reason is shown when it refuses.

import { html, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { explain, TextField } from "./widgets.js";
import { Icon } from "./icons.js";

// `connecting` is what `useAct` gives of an act that takes the key; `children` stand before it.
export function KeyForm({ verb, testid, connecting, onClose, children }) {
  const [key, setKey] = useState("");
  const { busy, problem, run } = connecting;
  const submit = (event) => {
    event.preventDefault();
    run(key.trim());
  };
  const isElsewhere = problem?.field === "made_on";
  return html`<form onSubmit=${submit}>
    ${children}
    <${TextField}
      label=${t("bots.key")}
      hint=${t("bots.add_hint")}
      autocomplete="off"
      spellcheck=${false}
      autocapitalize="none"
      required
      value=${key}
      onValue=${setKey}
      testid="bot-key"
      class="code"
    />
    ${problem &&
    !isElsewhere &&
    html`<div class="refusal" role="alert" data-testid="problem" data-kind=${problem.kind}>
      <${Icon} name="failed" />
      <span>${reasonOf(problem)}</span>
    </div>`}
    <div class="actions">
      <button type="submit" class="primary" disabled=${busy} data-testid=${testid}>
        ${busy ? t("bots.connecting") : verb}
      </button>
      <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
    </div>
  </form>`;
}

const UNKNOWN_KEY = 2;

// Says in the person's language what happened; what has no words of ours is in the other side's.
function reasonOf(problem) {
  if (problem.field === "key") return refusedKey(problem);
  if (problem.kind === "already-connected") return t("problem.already-connected");
  if (problem.kind === "conflict") return t("bots.key_taken", { reason: problem.detail });
  const status = problem.facts.viber_status;
  return (status !== undefined && told("viber", status)) || explain(problem);
}

function refusedKey({ detail, facts: { viber_status } }) {
  if (viber_status === UNKNOWN_KEY) return t("bots.key_unknown");
  return t("bots.key_refused", { reason: told("viber", viber_status ?? "") ?? detail });
}
