// A new version of a session policy, begun from the one in force.

import { html, useState } from "./view.js";
import { post } from "./api.js";
import { families, t, told } from "./i18n.js";
import { Choice, Field, Mark, problemAt, Refusal, showToast, TextField, useAct } from "./widgets.js";
import { asInstant, ValidFrom } from "./valid-from.js";

const FIELDS = [
  "window_seconds", "anchor", "messages_max", "unanswered_max", "types", "not_starters",
  "valid_from",
];
const text = (number) => (number === null ? "" : String(number));

export function PolicyForm({ policy, onMade, onClose }) {
  const isBusiness = policy.kind === "business";
  const [draft, setDraft] = useState({
    hours: String(policy.window_seconds / 3600),
    anchor: policy.anchor,
    messages_max: text(policy.messages_max),
    unanswered_max: text(policy.unanswered_max),
    types: policy.types ?? families.type,
    not_starters: policy.not_starters,
    restarts: policy.restarts,
    valid_from: "",
  });
  const { busy, problem, run } = useAct(async () => {
    await post("session-policies", bodyOf(policy.kind, draft));
    showToast(t("common.saved"));
    onMade();
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  const set = (name) => (value) => setDraft({ ...draft, [name]: value });
  const bind = (name, field = name) => ({
    name: field,
    value: draft[name],
    problem: problemAt(problem, field),
    onValue: set(name),
    testid: `policy-${name.replaceAll("_", "-")}`,
  });
  const anchors = families.anchor.map((word) => [word, told("anchor", word)]);
  const anchor = (ties) => html`<${Choice} ...${ties} ...${bind("anchor")} options=${anchors} />`;
  return html`<section class="block" data-testid="policy-form">
    <h2>${t("policy.new")}</h2>
    <form class="narrow" onSubmit=${submit} novalidate>
      <${TextField}
        ...${bind("hours", "window_seconds")}
        label=${t("policy.hours")}
        inputmode="decimal"
      />
      <${Field}
        name="anchor"
        label=${t("policy.anchor")}
        problem=${problemAt(problem, "anchor")}
        control=${anchor}
      />
      ${isBusiness &&
      html`
        <${TextField}
          ...${bind("messages_max")}
          label=${t("policy.messages_max")}
          hint=${t("policy.empty_no_limit")}
          inputmode="numeric"
        />
        <${TextField}
          ...${bind("unanswered_max")}
          label=${t("policy.unanswered_max")}
          hint=${t("policy.empty_no_limit")}
          inputmode="numeric"
        />
        <${Types} ...${bind("types")} label=${t("policy.types")} />
        <${Types} ...${bind("not_starters")} label=${t("policy.not_starters")} />
        <${Mark}
          label=${t("policy.restarts")}
          checked=${draft.restarts}
          onValue=${set("restarts")}
        />
      `}
      <${ValidFrom} ...${bind("valid_from")} />
      ${!FIELDS.some((field) => problemAt(problem, field)) &&
      html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="save-policy">
          ${busy ? t("common.waiting") : t("common.save")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  </section>`;
}

function Types({ label, value, problem, onValue, testid }) {
  const toggle = (type) => (isOn) =>
    onValue(isOn ? [...value, type] : value.filter((each) => each !== type));
  return html`<fieldset data-testid=${testid}>
    <legend>${label}</legend>
    <div class="choices">
      ${families.type.map(
        (type) =>
          html`<${Mark}
            key=${type}
            label=${told("type", type)}
            checked=${value.includes(type)}
            onValue=${toggle(type)}
          />`,
      )}
    </div>
    ${problem && html`<p class="wrong" role="alert">${problem.text}</p>`}
  </fieldset>`;
}

// The server checks the numbers and names the field; what is none goes as it cannot be right.
function bodyOf(kind, draft) {
  const body = {
    kind,
    window_seconds: Math.round(Number(draft.hours.replace(",", ".")) * 3600) || 0,
    anchor: draft.anchor,
    valid_from: asInstant(draft.valid_from),
  };
  if (kind === "free") return body;
  const most = (words) => (words.trim() === "" ? null : Math.trunc(Number(words)) || 0);
  const isAll = families.type.every((type) => draft.types.includes(type));
  return {
    ...body,
    messages_max: most(draft.messages_max),
    unanswered_max: most(draft.unanswered_max),
    types: isAll ? null : draft.types,
    not_starters: draft.not_starters,
    restarts: draft.restarts,
  };
}
