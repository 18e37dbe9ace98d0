// The operator's desk: requests of all accounts, all their answers, and the decision, once.

import { html, useState } from "./view.js";
import { post } from "./api.js";
import { families, t, told } from "./i18n.js";
import { accountName } from "./directory.js";
import { usePages } from "./pages.js";
import { cost, isZero, micros, money, typed } from "./money.js";
import { to } from "./routes.js";
import { dayIn, full } from "./times.js";
import {
  Confirm, Field, Loading, More, PageProblem, Refusal, showToast, TextField, useAct,
} from "./widgets.js";
import { Answers, RequestState } from "./requests.js";
import { MadeOn } from "./plan-acts.js";
import { useTerms } from "./terms.js";

const REASON_MOST = 1000;

export function DeskRequestsPage() {
  const [state, setState] = useState("waiting");
  const list = usePages("desk/requests", 20, { state });
  return html`<div class="page">
    <header class="page-head">
      <h1>${t("desk.requests")}</h1>
      <button type="button" class="quiet" onClick=${list.reload}>${t("common.reload")}</button>
    </header>
    <div class="tabs" role="group" aria-label=${t("desk.state")}>
      ${families.request_state.map(
        (word) =>
          html`<button
            key=${word}
            type="button"
            aria-pressed=${String(word === state)}
            data-testid=${`state-${word}`}
            onClick=${() => setState(word)}
          >
            ${told("request_state", word)}
          </button>`,
      )}
    </div>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("desk.none")}</p>`}
    ${list.items?.map(
      (one) =>
        html`<${DeskRequest} key=${one.request_id} request=${one} onDecided=${list.reload} />`,
    )}
    <${More} list=${list} />
  </div>`;
}

function DeskRequest({ request, onDecided }) {
  const { request_id, account_id, kind, state, created_at, created_by_name, deposit } = request;
  return html`<section
    class="block"
    data-testid="desk-request"
    data-request-id=${request_id}
    data-state=${state}
  >
    <header class="line-head">
      <h2>${told("request", kind) ?? kind}</h2>
      <${RequestState} state=${state} />
      <a href=${to.account(account_id)}><bdi>${accountName(account_id)}</bdi></a>
      <span class="hint">
        ${created_by_name}, <time datetime=${created_at}>${full(created_at)}</time>
      </span>
      ${!isZero(deposit) && html`<span class="badge">${cost(deposit)}</span>`}
    </header>
    <${Answers} form=${request.form} />
    ${state === "waiting"
      ? html`<${Decision} request=${request} onDecided=${onDecided} />`
      : html`<p class="hint">
          ${t("requests.decided", { at: full(request.decided_at) })}${" "}
          ${request.reason && t("requests.reason", { reason: request.reason })}
        </p>`}
  </section>`;
}

function Decision({ request, onDecided }) {
  const { account_id, request_id, kind, form, deposit } = request;
  const terms = useTerms();
  const [reason, setReason] = useState("");
  const [fee, setFee] = useState("");
  const [price, setPrice] = useState("");
  const [made_on, setMadeOn] = useState(form.made_on ?? "");
  const [wrong, setWrong] = useState(null);
  const [asked, setAsked] = useState(null);
  const { busy, problem, run } = useAct(async (decision, more) => {
    const path = `accounts/${account_id}/requests/${request_id}/decision`;
    await post(path, { decision, reason, ...more });
    showToast(told("request_state", decision));
    onDecided();
  });
  const approve = () => {
    const more = {
      ...(kind === "sessions" && { fee: typed(fee), price: typed(price, 6) }),
      ...(kind === "legacy" && { made_on }),
    };
    const missing = Object.keys(more).find((name) => !more[name]);
    const text = kind === "legacy" ? t("form.empty") : t("desk.no_amount");
    setWrong(missing ? { field: missing, text } : null);
    if (!missing) setAsked({ decision: "approved", more });
  };
  const whose = html`<${Whose} ...${{ account_id, form }} />`;
  const control = (ties) => html`<textarea
    ...${ties}
    rows="2"
    maxlength=${REASON_MOST}
    value=${reason}
    data-testid="decision-reason"
    onInput=${(event) => setReason(event.currentTarget.value)}
  ></textarea>`;
  return html`<div class="decision">
    ${kind === "sessions" &&
    html`<${SessionTerms}
      ...${{ fee, price, onFee: setFee, onPrice: setPrice, problem: wrong }}
    />`}
    ${kind === "legacy" &&
    html`<${MadeOn} value=${made_on} onValue=${setMadeOn} problem=${wrong} />`}
    <${Field} label=${t("desk.reason")} hint=${t("desk.reason_hint")} control=${control} />
    <${Refusal} problem=${problem} onRetry=${problem?.kind === "already-decided" ? onDecided : null} />
    <div class="actions">
      <button
        type="button"
        class="primary"
        disabled=${busy || !terms}
        data-testid="approve"
        onClick=${approve}
      >
        ${busy ? t("common.waiting") : t("desk.approve")}
      </button>
      <button
        type="button"
        class="danger"
        disabled=${busy}
        data-testid="refuse"
        onClick=${() => setAsked({ decision: "refused", more: {} })}
      >
        ${t("desk.refuse")}
      </button>
    </div>
    ${asked?.decision === "approved" &&
    html`<${Confirm}
      title=${t("desk.approve_title")}
      text=${[whose, approvalOf(deposit, terms, asked.more)]}
      verb=${t("desk.approve")}
      danger=${false}
      onYes=${() => run("approved", asked.more)}
      onClose=${() => setAsked(null)}
    />`}
    ${asked?.decision === "refused" &&
    html`<${Confirm}
      title=${t("desk.refuse_title")}
      text=${[
        whose,
        isZero(deposit)
          ? t("desk.refuse_free_ask")
          : t("desk.refuse_ask", { deposit: cost(deposit) }),
      ]}
      verb=${t("desk.refuse")}
      onYes=${() => run("refused", asked.more)}
      onClose=${() => setAsked(null)}
    />`}
  </div>`;
}

// Whose money a decision moves.
function Whose({ account_id, form: { company_name: company } }) {
  const account = accountName(account_id);
  return html`<b data-testid="whose">
      ${company ? t("desk.whose_company", { account, company }) : t("desk.whose", { account })}
    </b>
    <br />`;
}

// What an approval does with money, or with the terms a bot works on.
function approvalOf(deposit, terms, { fee, price, made_on }) {
  if (fee) return t("desk.approve_sessions_ask", { fee: cost(fee), price: cost(price) });
  if (made_on) return t("desk.approve_legacy_ask", { day: dayIn(made_on, "UTC") });
  const spent = Math.min(micros(terms.activation), micros(deposit));
  return t("desk.approve_ask", {
    deposit: cost(deposit),
    activation: cost(money(spent)),
    rest: cost(money(micros(deposit) - spent)),
  });
}

// The fee and price of sessions, which have no default.
export function SessionTerms({ fee, price, onFee, onPrice, problem }) {
  const shared = { inputmode: "decimal", autocomplete: "off", problem, required: true };
  return html`<div class="narrowing">
    <${TextField}
      ...${shared}
      name="fee"
      label=${t("desk.sessions_fee")}
      value=${fee}
      onValue=${onFee}
      testid="sessions-fee"
    />
    <${TextField}
      ...${shared}
      name="price"
      label=${t("desk.session_price")}
      value=${price}
      onValue=${onPrice}
      testid="session-price"
    />
  </div>`;
}
