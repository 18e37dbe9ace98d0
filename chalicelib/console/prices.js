// Price lists: what is in force, what is to come, what was; operators make, import, withdraw them.

import { html, useId, useState } from "./view.js";
import { call, remove } from "./api.js";
import { t, told } from "./i18n.js";
import { usePages } from "./pages.js";
import { cost, count } from "./money.js";
import { go, to } from "./routes.js";
import { isOperator } from "./session.js";
import { full } from "./times.js";
import {
  Confirm, Dialog, Loading, More, PageProblem, problemAt, Refusal, showToast, useAct,
} from "./widgets.js";
import { PriceEditor } from "./price-editor.js";
import { asInstant, ValidFrom } from "./valid-from.js";

export const STATES = { "in-force": "good", scheduled: "accent", withdrawn: "bad" };

export function PricesPage() {
  const list = usePages("price-lists", 20);
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const made = (version) => {
    close();
    go(to.priceList(version));
  };
  return html`<div class="page">
    <header class="page-head">
      <h1>${t("prices.title")}</h1>
      ${isOperator() &&
      html`<div class="actions">
        <button type="button" data-testid="import" onClick=${() => setOpen("import")}>
          ${t("prices.import")}
        </button>
        <button type="button" class="primary" data-testid="new-list" onClick=${() => setOpen("new")}>
          ${t("prices.new")}
        </button>
      </div>`}
    </header>
    <p class="hint">${t("prices.hint")}</p>
    ${open === "new" &&
    html`<${PriceEditor} default_price="" prices=${[]} onMade=${made} onClose=${close} />`}
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("prices.none")}</p>`}
    <ul class="lines">
      ${list.items?.map((one) => html`<${Line} key=${one.version} list=${one} onChanged=${list.reload} />`)}
    </ul>
    <${More} list=${list} />
    ${open === "import" && html`<${Import} onMade=${made} onClose=${close} />`}
  </div>`;
}

function Line({ list, onChanged }) {
  const { version, state, valid_from, countries, made_by_name } = list;
  return html`<li class="block" data-testid="price-list" data-version=${version}
    data-state=${state}>
    <div class="line-head">
      <a href=${to.priceList(version)}><b>${t("prices.number", { version })}</b></a>
      <${State} state=${state} />
      <span>${t("prices.from", { at: full(valid_from) })}</span>
      <span class="hint">
        ${t("prices.countries", { count: count(countries) })} · ${t("prices.default")}:${" "}
        ${cost(list.default)}
      </span>
      ${made_by_name && html`<span class="hint">${made_by_name}</span>`}
    </div>
    ${state === "scheduled" &&
    isOperator() &&
    html`<${Withdraw} path=${`price-lists/${version}`} onDone=${onChanged} />`}
  </li>`;
}

export function State({ state }) {
  return html`<span class=${`badge ${STATES[state] ?? ""}`}>
    ${told("version", state) ?? state}
  </span>`;
}

// What is not in force yet may be taken back.
export function Withdraw({ path, onDone }) {
  const [isAsking, setAsking] = useState(false);
  return html`<button type="button" class="danger" onClick=${() => setAsking(true)}>
      ${t("prices.withdraw")}
    </button>
    ${isAsking &&
    html`<${Confirm}
      title=${t("prices.withdraw_title")}
      text=${t("prices.withdraw_text")}
      verb=${t("prices.withdraw")}
      onYes=${async () => {
        await remove(path);
        onDone();
      }}
      onClose=${() => setAsking(false)}
    />`}`;
}

function Import({ onMade, onClose }) {
  const id = useId();
  const [file, setFile] = useState(null);
  const [from, setFrom] = useState("");
  const { busy, problem, run } = useAct(async () => {
    const query = { valid_from: asInstant(from) };
    const { data } = await call("POST", "price-lists/import", { query, csv: file });
    showToast(t("prices.made"));
    onMade(data.version);
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  const lines = problem?.facts.lines;
  const atFrom = problemAt(problem, "valid_from");
  return html`<${Dialog} title=${t("prices.import")} onClose=${onClose} testid="import-dialog">
    <p>${t("prices.import_hint")}</p>
    <form onSubmit=${submit}>
      <div class="field">
        <label for=${id}>${t("prices.file")}</label>
        <input
          id=${id}
          type="file"
          accept=".csv,text/csv"
          required
          data-testid="import-file"
          onChange=${(event) => setFile(event.currentTarget.files[0] ?? null)}
        />
      </div>
      <${ValidFrom} value=${from} onValue=${setFrom} problem=${atFrom} />
      ${!lines && !atFrom && html`<${Refusal} problem=${problem} />`}
      ${lines &&
      html`<div class="refusal" role="alert" data-testid="import-lines">
        <div>
          <p><b>${t("prices.not_imported")}</b></p>
          <ul>
            ${lines.map(
              ({ line, detail }) =>
                html`<li key=${line}>${t("prices.line", { line })} ${detail}</li>`,
            )}
          </ul>
        </div>
      </div>`}
      <div class="actions">
        <button
          type="submit"
          class="primary"
          disabled=${busy || !file}
          data-testid="import-submit"
        >
          ${busy ? t("common.waiting") : t("prices.import_do")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}
