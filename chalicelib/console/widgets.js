// The small parts every page is made of: fields, buttons, dialogs, people's pictures, refusals.

import { html, signal, useId, useLayoutEffect, useRef, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { useFile } from "./files.js";
import { Icon } from "./icons.js";

const HUES = 6;

// What the page says aloud: `said` to screen readers only, `toast` to everybody for a while.
export const said = signal("");
export const toast = signal(null);

// The same words twice must be a change, or a screen reader stays silent.
export function say(text) {
  said.value = said.value === text ? `${text}\u00a0` : text;
}

export function showToast(text, kind = "good") {
  toast.value = { text, kind, at: Date.now() };
}

// What went wrong, in the person's language; the server's English detail where it adds something.
// What the page itself has found wrong brings its own `text`.
export function explain(problem) {
  if (problem.text) return problem.text;
  const text = told("problem", problem.kind) ?? t("problem.failed");
  const isDetailed = problem.detail && [400, 409, 422, 502].includes(problem.status);
  return isDetailed ? `${text} ${problem.detail}` : text;
}

// A problem with what one field holds, wherever in it the server found it; else null.
export function problemAt(problem, field) {
  const isThere = problem?.field === field || problem?.field?.startsWith(`${field}.`);
  return isThere ? { text: explain(problem), field } : null;
}

export function Refusal({ problem, onRetry }) {
  if (!problem) return null;
  return html`<div class="refusal" role="alert" data-testid="problem" data-kind=${problem.kind}>
    <${Icon} name="failed" />
    <span>${explain(problem)}</span>
    ${onRetry &&
    html`<button type="button" class="quiet" onClick=${onRetry}>${t("common.try_again")}</button>`}
  </div>`;
}

// A whole page that says no: `kind` is forbidden or not-found.
export function Wall({ kind }) {
  return html`<section class="wall" data-testid=${kind === "forbidden" ? "forbidden" : "not-found"}>
    <p class="wall-number" aria-hidden="true">${kind === "forbidden" ? "403" : "404"}</p>
    <h1>${kind === "forbidden" ? t("wall.forbidden_title") : t("wall.missing_title")}</h1>
    <p>${kind === "forbidden" ? t("wall.forbidden") : t("wall.missing")}</p>
    <p><a class="button" href="#/">${t("wall.home")}</a></p>
  </section>`;
}

// A page's answer to a problem: a wall for 403 and 404, else words with a way to try again.
export function PageProblem({ problem, onRetry }) {
  const isWall = ["forbidden", "not-found"].includes(problem.kind);
  return isWall
    ? html`<${Wall} kind=${problem.kind} />`
    : html`<${Refusal} problem=${problem} onRetry=${onRetry} />`;
}

// A label with its control. `control` draws it and gets the ids and marks that tie them together.
export function Field({ label, hint, problem, name, control }) {
  const id = useId();
  const isWrong = Boolean(problem && name && problem.field === name);
  const notes = [hint && `${id}-hint`, isWrong && `${id}-wrong`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control({
      id,
      "aria-describedby": notes || undefined,
      "aria-invalid": isWrong ? "true" : undefined,
    })}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${isWrong &&
    html`<p class="wrong" id=${`${id}-wrong`} role=${calledOut(problem)}>${explain(problem)}</p>`}
  </div>`;
}

export const calledOut = (problem) => (problem.isQuiet ? undefined : "alert");

// The commonest field: one line of text bound to a value.
export function TextField({ value, onValue, testid, label, hint, problem, name, ...more }) {
  const control = (ties) => html`<input
    ...${more}
    ...${ties}
    value=${value}
    data-testid=${testid}
    onInput=${(event) => onValue(event.currentTarget.value)}
  />`;
  return html`<${Field} ...${{ label, hint, problem, name, control }} />`;
}

export function Choice({ value, onValue, options, testid, ...more }) {
  return html`<select
    ...${more}
    value=${value}
    data-testid=${testid}
    onChange=${(event) => onValue(event.currentTarget.value)}
  >
    ${options.map(
      ([code, text]) =>
        html`<option key=${code} value=${code} selected=${code === value}>${text}</option>`,
    )}
  </select>`;
}

export function Mark({ checked, onValue, label, hint, testid, disabled }) {
  const id = useId();
  return html`<div class="mark">
    <input
      type="checkbox"
      id=${id}
      checked=${checked}
      disabled=${disabled}
      data-testid=${testid}
      aria-describedby=${hint ? `${id}-hint` : undefined}
      onChange=${(event) => onValue(event.currentTarget.checked)}
    />
    <label for=${id}>${label}</label>
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`;
}

// Runs `act` once at a time: {busy, problem, run, clear}. `run` gives true when it went well.
export function useAct(act) {
  const [state, setState] = useState({ busy: false, problem: null });
  const run = async (...given) => {
    if (state.busy) return false;
    setState({ busy: true, problem: null });
    try {
      await act(...given);
    } catch (problem) {
      setState({ busy: false, problem });
      if (problem.status === undefined) throw problem;
      return false;
    }
    setState({ busy: false, problem: null });
    return true;
  };
  return { ...state, run, clear: () => setState({ busy: false, problem: null }) };
}

// A window over the page. The browser keeps the focus inside and gives it back; Escape closes it.
export function Dialog({ title, onClose, testid, children }) {
  const box = useRef(null);
  const id = useId();
  // A layout effect ends while the element is in the page; only so can it give the focus back.
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog.showModal();
    return () => {
      // Closing gives the focus back; the event it makes comes after we are gone and says nothing.
      box.current = null;
      dialog.close();
    };
  }, []);
  const closed = () => box.current && onClose();
  return html`<dialog ref=${box} aria-labelledby=${id} data-testid=${testid} onClose=${closed}>
    <header class="dialog-head">
      <h2 id=${id}>${title}</h2>
      <button type="button" class="bare" aria-label=${t("common.close")} onClick=${onClose}>
        <${Icon} name="close" />
      </button>
    </header>
    ${children}
  </dialog>`;
}

// Asks before something that cannot be taken back; stays open with the reason if it fails. `no`
// is said where "cancel" could be taken for what is asked about.
export function Confirm({ title, text, verb, no, onYes, onClose, danger = true }) {
  const { busy, problem, run } = useAct(onYes);
  const yes = async () => (await run()) && onClose();
  return html`<${Dialog} title=${title} onClose=${onClose} testid="confirm">
    <p>${text}</p>
    <${Refusal} problem=${problem} />
    <div class="actions">
      <button
        type="button"
        class=${danger ? "danger" : "primary"}
        disabled=${busy}
        data-testid="confirm-yes"
        onClick=${yes}
      >
        ${verb}
      </button>
      <button type="button" data-testid="confirm-no" onClick=${onClose}>
        ${no ?? t("common.cancel")}
      </button>
    </div>
  <//>`;
}

// Somebody's picture, or his first letters where there is none or it cannot be loaded.
export function Face({ name, file_id, url, size = "" }) {
  const file = useFile(file_id);
  const [broken, setBroken] = useState(null);
  const address = file_id ? file.url : url;
  if (address && broken !== address) {
    const onError = () => setBroken(address);
    return html`<img class=${`face ${size}`} src=${address} alt="" onError=${onError} />`;
  }
  return html`<span class=${`face hue-${hueOf(name)} ${size}`} aria-hidden="true">
    ${lettersOf(name)}
  </span>`;
}

export function Loading() {
  return html`<p class="loading" role="status">${t("common.loading")}</p>`;
}

// "Show more" under a list that goes on.
export function More({ list, label = t("common.more") }) {
  if (!list.cursor) return null;
  return html`<button
    type="button"
    class="more"
    disabled=${list.busy}
    data-testid="load-more"
    onClick=${list.more}
  >
    ${list.busy ? t("common.loading") : label}
  </button>`;
}

function lettersOf(name) {
  const words = (name ?? "").match(/[\p{L}\p{N}][^\s]*/gu) ?? [];
  const letters = words.slice(0, 2).map((word) => [...word][0].toLocaleUpperCase());
  return letters.join("") || "?";
}

function hueOf(name) {
  let sum = 0;
  for (const letter of name ?? "") sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return sum % HUES;
}
