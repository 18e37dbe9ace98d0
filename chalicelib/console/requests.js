// What the account has asked operators for, with what became of each request and its deposit.

import { html, useEffect } from "./view.js";
import { families, t, told } from "./i18n.js";
import { botName, bots, readDirectory } from "./directory.js";
import { usePages } from "./pages.js";
import { cost, isZero } from "./money.js";
import { to } from "./routes.js";
import { countryName, dayIn, full } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { Icon } from "./icons.js";

const KINDS = { approved: "good", refused: "bad", waiting: "accent" };

export function RequestsPage() {
  const list = usePages("requests", 20);
  // A bot that was approved since the sign-in is not among those known here.
  useEffect(() => {
    if (list.items) readDirectory();
  }, [list.items]);
  return html`<section class="block">
    <header class="page-head">
      <h2>${t("requests.title")}</h2>
      <div class="actions">
        <button type="button" class="quiet" onClick=${list.reload}>${t("common.reload")}</button>
        <a class="button primary" href=${to.requestForm()} data-testid="send-request">
          <${Icon} name="plus" /> ${t("requests.send")}
        </a>
      </div>
    </header>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("requests.none")}</p>`}
    <ul class="lines">
      ${list.items?.map((one) => html`<${RequestLine} key=${one.request_id} request=${one} />`)}
    </ul>
    <${More} list=${list} />
  </section>`;
}

function RequestLine({ request }) {
  const { request_id, kind, state, bot_id, created_at, decided_at, deposit, refund } = request;
  return html`<li data-testid="request" data-request-id=${request_id} data-state=${state}>
    <div class="line-head">
      <b>${told("request", kind)}</b>
      <${RequestState} state=${state} />
      ${bot_id && botName(bot_id) && html`<a href=${to.bot(bot_id)}><bdi>${botName(bot_id)}</bdi></a>`}
      <time class="hint" datetime=${created_at}>${full(created_at)}</time>
    </div>
    ${request.form.company_name && html`<p><bdi>${request.form.company_name}</bdi></p>`}
    ${state === "waiting" &&
    !isZero(deposit) &&
    html`<p class="hint">${t("requests.deposit", { amount: cost(deposit) })}</p>`}
    ${decided_at &&
    html`<p class="hint">${t("requests.decided", { at: full(decided_at) })}</p>`}
    ${request.reason &&
    html`<p data-testid="reason">${t("requests.reason", { reason: request.reason })}</p>`}
    ${!isZero(refund) &&
    html`<p data-testid="refund">${t("requests.refund", { amount: cost(refund) })}</p>`}
    ${awaitsKey(bot_id) &&
    html`<p>
      <a href=${to.bot(bot_id)} data-testid="paste-key">${t("requests.paste_key")}</a>
    </p>`}
    <details class="more-of">
      <summary>${t("requests.answers")}</summary>
      <${Answers} form=${request.form} />
    </details>
  </li>`;
}

const awaitsKey = (bot_id) =>
  bots.value.some((bot) => bot.bot_id === bot_id && bot.state === "awaiting_key");

export function RequestState({ state }) {
  return html`<span class=${`badge ${KINDS[state] ?? ""}`} data-testid="request-state">
    ${told("request_state", state) ?? state}
  </span>`;
}

// Everything a form says, in the order of its fields.
export function Answers({ form }) {
  const names = families.field.filter((name) => name in form);
  return html`<dl class="facts answers">
    ${names.map(
      (name) =>
        html`<div key=${name}>
          <dt>${told("field", name)}</dt>
          <dd data-field=${name}><bdi>${answer(name, form[name])}</bdi></dd>
        </div>`,
    )}
  </dl>`;
}

function answer(name, value) {
  if (name === "country") return countryName(value);
  if (name === "made_on") return dayIn(value, "UTC");
  if (value === true) return t("common.yes");
  if (value === false) return t("common.no");
  return told("company_type", value) ?? String(value);
}
