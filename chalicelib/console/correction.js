// Putting an entry right: by another that gives the account money, or takes it, and says why.

import { html, useRef, useState } from "./view.js";
import { newKey, post } from "./api.js";
import { t, told } from "./i18n.js";
import { change, cost, isZero, typed } from "./money.js";
import { full } from "./times.js";
import { Dialog, Field, problemAt, Refusal, showToast, TextField, useAct } from "./widgets.js";
import { YesNo } from "./form-fields.js";
import { Amount, Entries } from "./statement.js";

const REASON_MOST = 500;
const DECIMALS_MOST = 6;
const FIELDS = ["gives", "amount", "reason"];

const newWish = () => ({ gives: null, text: "", reason: "", key: newKey() });

// An account's entries, each with the way to put it right.
export function CorrectableEntries({ path, nameOf, onCorrected }) {
  const [entry, setEntry] = useState(null);
  // A wish outlives its window: whoever has not seen its answer asks for the same again.
  const wishes = useRef(new Map());
  const actOf = (one) => html`<button
    type="button"
    class="quiet"
    data-testid="correct"
    onClick=${() => setEntry(one)}
  >
    ${t("correction.act")}
  </button>`;
  const done = () => {
    wishes.current.delete(entry.entry_id);
    setEntry(null);
    onCorrected();
  };
  return html`
    <${Entries} path=${`${path}/entries`} nameOf=${nameOf} actOf=${actOf} limit=${20} />
    ${entry &&
    html`<${Correction}
      key=${entry.entry_id}
      path=${path}
      entry=${entry}
      wish=${wishes.current.get(entry.entry_id) ?? newWish()}
      onWish=${(wish) => wishes.current.set(entry.entry_id, wish)}
      onDone=${done}
      onClose=${() => setEntry(null)}
    />`}
  `;
}

function Correction({ path, entry, wish: first, onWish, onDone, onClose }) {
  const [wish, setWish] = useState(first);
  const [wrong, setWrong] = useState(null);
  const [isAsked, setAsked] = useState(false);
  const amount = typed(wish.text, DECIMALS_MOST);
  const { busy, problem, run, clear } = useAct(async () => {
    const { gives, reason, key } = wish;
    const body = { entry_id: entry.entry_id, amount, gives, reason };
    const made = await post(`${path}/corrections`, body, { key });
    showToast(t("correction.done", { amount: change(made.amount) }));
    onDone();
  });
  // What differs in anything is another wish.
  const edit = (name) => (value) => {
    const another = { ...wish, [name]: value, key: newKey() };
    setWish(another);
    onWish(another);
    setWrong(null);
    setAsked(false);
    clear();
  };
  const submit = (event) => {
    event.preventDefault();
    const found = wrongIn(wish, amount);
    setWrong(found);
    setAsked(!found);
  };
  const atField = FIELDS.map((name) => problemAt(problem, name)).find(Boolean) ?? null;
  return html`<${Dialog} title=${t("correction.title")} onClose=${onClose} testid="correction">
    <p>
      <b>${told("entry", entry.kind) ?? entry.kind}</b> · <${Amount} entry=${entry} /> ·${" "}
      <time datetime=${entry.at}>${full(entry.at)}</time>
    </p>
    ${isAsked && !atField
      ? html`<${Question}
          ...${{ wish, amount, busy, problem, onYes: run }}
          onBack=${() => setAsked(false)}
        />`
      : html`<${Form} ...${{ wish, edit, submit, problem: wrong ?? atField }} />`}
  <//>`;
}

function wrongIn({ gives, reason }, amount) {
  if (gives === null) return { field: "gives", text: t("form.choose") };
  if (!amount || isZero(amount)) return { field: "amount", text: t("correction.wrong") };
  return reason.trim() ? null : { field: "reason", text: t("form.empty") };
}

function Form({ wish, edit, submit, problem }) {
  const reason = (ties) => html`<textarea
    ...${ties}
    rows="3"
    maxlength=${REASON_MOST}
    value=${wish.reason}
    data-testid="correction-reason"
    onInput=${(event) => edit("reason")(event.currentTarget.value)}
  ></textarea>`;
  return html`<p class="hint">${t("correction.hint")}</p>
    <form onSubmit=${submit} novalidate>
      <${YesNo}
        name="gives"
        label=${t("correction.direction")}
        answers=${[[true, t("correction.gives")], [false, t("correction.takes")]]}
        value=${wish.gives}
        problem=${problem}
        onValue=${edit("gives")}
      />
      <${TextField}
        name="amount"
        label=${t("top_up.amount")}
        inputmode="decimal"
        autocomplete="off"
        value=${wish.text}
        problem=${problem}
        onValue=${edit("text")}
        testid="correction-amount"
      />
      <${Field}
        name="reason"
        label=${t("desk.reason")}
        hint=${t("desk.reason_hint")}
        problem=${problem}
        control=${reason}
      />
      <div class="actions">
        <button type="submit" class="primary" data-testid="correction-submit">
          ${t("correction.next")}
        </button>
      </div>
    </form>`;
}

function Question({ wish, amount, busy, problem, onYes, onBack }) {
  const { gives, reason } = wish;
  return html`<div class="decision" data-testid="correction-question">
    <p>
      ${gives
        ? t("correction.ask_gives", { amount: cost(amount) })
        : t("correction.ask_takes", { amount: cost(amount) })}
    </p>
    <blockquote>${reason}</blockquote>
    <${Refusal} problem=${problem} />
    <div class="actions">
      <button
        type="button"
        class=${gives ? "primary" : "danger"}
        disabled=${busy}
        data-testid="correction-yes"
        onClick=${onYes}
      >
        ${busy ? t("common.waiting") : gives ? t("correction.gives") : t("correction.takes")}
      </button>
      <button type="button" disabled=${busy} data-testid="correction-back" onClick=${onBack}>
        ${t("correction.back")}
      </button>
    </div>
  </div>`;
}
