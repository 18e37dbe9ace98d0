// The controls of the connection request.

import { html, useId } from "./view.js";
import { t, told } from "./i18n.js";
import { countryOptions } from "./countries.js";
import { calledOut, Choice, Field, TextField } from "./widgets.js";

const SHORT_MOST = 200;
const LONG_MOST = 4000;
const PURPOSES = ["new", "move", "revival"];

const testid = (name) => `form-${name.replaceAll("_", "-")}`;

export function FormText({ name, ...more }) {
  return html`<${TextField}
    maxlength=${SHORT_MOST}
    lang="en"
    ...${more}
    name=${name}
    testid=${testid(name)}
  />`;
}

export function Inquiry({ value, onValue, name, ...more }) {
  const control = (ties) => html`<textarea
    ...${ties}
    rows="5"
    lang="en"
    maxlength=${LONG_MOST}
    value=${value}
    data-testid=${testid(name)}
    onInput=${(event) => onValue(event.currentTarget.value)}
  ></textarea>`;
  return html`<${Field} ...${more} name=${name} control=${control} />`;
}

// Neither is chosen until somebody does. `answers` are [true, text] and [false, text].
export function YesNo({ name, label, hint, value, problem, onValue, answers = yesOrNo() }) {
  const id = useId();
  const isWrong = problem?.field === name;
  const notes = [hint && `${id}-hint`, isWrong && `${id}-wrong`].filter(Boolean).join(" ");
  return html`<fieldset
    class="yes-no"
    aria-describedby=${notes || undefined}
    data-testid=${testid(name)}
  >
    <legend>${label}</legend>
    <div class="choices">
      ${answers.map(
        ([answer, text]) => html`<label key=${String(answer)}>
          <input
            type="radio"
            name=${name}
            value=${answer ? "yes" : "no"}
            checked=${value === answer}
            aria-invalid=${isWrong ? "true" : undefined}
            onChange=${() => onValue(answer)}
          />
          ${text}
        </label>`,
      )}
    </div>
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${isWrong &&
    html`<p class="wrong" id=${`${id}-wrong`} role=${calledOut(problem)}>${problem.text}</p>`}
  </fieldset>`;
}

const yesOrNo = () => [[true, t("common.yes")], [false, t("common.no")]];

export function CountryField(given) {
  return html`<${Chosen} ...${given} options=${countryOptions()} />`;
}

export function TypeField({ options, ...given }) {
  const named = options.map((word) => [word, told("company_type", word)]);
  return html`<${Chosen} ...${given} options=${named} />`;
}

function Chosen({ name, label, hint, value, problem, onValue, options }) {
  const control = (ties) => html`<${Choice}
    ...${ties}
    ...${{ value, onValue }}
    options=${[["", t("form.choose_one")], ...options]}
    testid=${testid(name)}
  />`;
  return html`<${Field} ...${{ label, hint, problem, name, control }} />`;
}

// What the request is for, and which bot where it is about one.
export function Purpose({ wish, bots, problem, onWish }) {
  const fitting = bots.filter((bot) => isFor(wish.purpose, bot.plan));
  const purpose = (ties) => html`<${Choice}
    ...${ties}
    value=${wish.purpose}
    options=${PURPOSES.map((word) => [word, told("request", word)])}
    testid="form-purpose"
    onValue=${(chosen) => onWish({ purpose: chosen, bot_id: "" })}
  />`;
  return html`
    <${Field} label=${t("form.purpose")} control=${purpose} />
    ${wish.purpose !== "new" &&
    html`<${Chosen}
      name="bot_id"
      label=${t("inbox.bot")}
      hint=${fitting.length === 0 ? t("form.no_fitting_bot") : undefined}
      value=${wish.bot_id}
      problem=${problem}
      options=${fitting.map((bot) => [bot.bot_id, bot.name])}
      onValue=${(bot_id) => onWish({ ...wish, bot_id })}
    />`}
  `;
}

function isFor(purpose, { plan, cancelled_at, ended_at }) {
  if (purpose === "move") return plan === null || plan === "legacy";
  return ["legacy", "commercial"].includes(plan) && Boolean(cancelled_at || ended_at);
}
