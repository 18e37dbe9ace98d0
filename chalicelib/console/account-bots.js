// An account's bots for an operator: plans, sessions on and off, old bots, business bots.

import { html, useState } from "./view.js";
import { post, put } from "./api.js";
import { t, told } from "./i18n.js";
import { cost, typed } from "./money.js";
import { dayIn, fullIn } from "./times.js";
import {
  Confirm, Dialog, Loading, More, PageProblem, problemAt, Refusal, showToast, TextField, useAct,
} from "./widgets.js";
import { BotState } from "./bots.js";
import { SessionTerms } from "./desk-requests.js";
import { MadeOn } from "./plan-acts.js";

const NAME_MOST = 100;

export function AccountBots({ path, bots, onChanged }) {
  const [isMaking, setMaking] = useState(false);
  return html`<section class="block">
    <header class="page-head">
      <h2>${t("plan.title")}</h2>
      <button type="button" data-testid="make-business" onClick=${() => setMaking(true)}>
        ${t("desk.make_business")}
      </button>
    </header>
    ${bots.problem && html`<${PageProblem} problem=${bots.problem} onRetry=${bots.reload} />`}
    ${!bots.items && !bots.problem && html`<${Loading} />`}
    ${bots.items?.length === 0 && html`<p class="empty small">${t("desk.no_bots")}</p>`}
    <ul class="lines">
      ${bots.items?.map(
        (bot) => html`<${Line} key=${bot.bot_id} ...${{ bot, path, onChanged }} />`,
      )}
    </ul>
    <${More} list=${bots} />
    ${isMaking &&
    html`<${MakeBusiness} path=${path} onDone=${onChanged} onClose=${() => setMaking(false)} />`}
  </section>`;
}

function Line({ bot, path, onChanged }) {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const { plan, next_fee, sessions, made_on, ended_at, ended_reason, cancelled_at, ends_at } =
    bot.plan;
  const itsPath = `${path}/bots/${encodeURIComponent(bot.bot_id)}`;
  const shared = { bot, path: itsPath, onDone: onChanged, onClose: close };
  return html`<li data-testid="account-bot" data-bot-id=${bot.bot_id}
    data-sessions=${String(sessions?.on ?? false)}>
    <div class="line-head">
      <b><bdi>${bot.name}</bdi></b>
      <span class="badge accent">${plan ? told("plan", plan) : t("plan.no_plan")}</span>
      <${BotState} bot=${bot} />
      ${made_on && html`<span class="hint">${t("plan.made_on")}: ${dayIn(made_on, "UTC")}</span>`}
    </div>
    ${next_fee &&
    html`<p class="hint">
      ${t("desk.fee", {
        amount: cost(next_fee.amount),
        day: dayIn(next_fee.due_at, next_fee.time_zone),
        zone: next_fee.time_zone,
      })}
    </p>`}
    ${sessions?.on &&
    html`<p class="hint">
      ${t("desk.sessions_on", { fee: cost(sessions.fee), price: cost(sessions.price) })}
    </p>`}
    ${cancelled_at &&
    ends_at &&
    html`<p class="hint">${t("desk.cancelled", { at: fullIn(ends_at, "UTC") })}</p>`}
    ${ended_at &&
    html`<p class="hint">
      ${t("desk.ended", { at: fullIn(ended_at, "UTC") })} ${told("ended", ended_reason) ?? ""}
    </p>`}
    <div class="actions">
      <button type="button" data-testid="sessions-on" onClick=${() => setOpen("on")}>
        ${sessions?.on ? t("desk.change_sessions") : t("desk.turn_on")}
      </button>
      ${sessions?.on &&
      html`<button
        type="button"
        class="danger"
        data-testid="sessions-off"
        onClick=${() => setOpen("off")}
      >
        ${t("desk.turn_off")}
      </button>`}
      ${(plan === null || plan === "legacy") &&
      html`<button type="button" data-testid="legacy" onClick=${() => setOpen("legacy")}>
        ${t("desk.legacy")}
      </button>`}
    </div>
    ${open === "on" && html`<${TurnOn} ...${shared} />`}
    ${open === "legacy" && html`<${Legacy} ...${shared} />`}
    ${open === "off" && html`<${TurnOff} ...${shared} />`}
  </li>`;
}

function TurnOn({ bot, path, onDone, onClose }) {
  const { sessions } = bot.plan;
  const [fee, setFee] = useState(sessions?.fee?.amount ?? "");
  const [price, setPrice] = useState(sessions?.price?.amount ?? "");
  const [wrong, setWrong] = useState(null);
  const { busy, problem, run } = useAct(async (terms) => {
    await put(`${path}/sessions`, { on: true, ...terms });
    showToast(t("common.saved"));
    onDone();
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    const terms = { fee: typed(fee), price: typed(price, 6) };
    const missing = Object.keys(terms).find((name) => !terms[name]);
    setWrong(missing ? { field: missing, text: t("desk.no_amount") } : null);
    if (!missing) run(terms);
  };
  return html`<${Dialog} title=${t("desk.turn_on_title", { name: bot.name })} onClose=${onClose}
    testid="sessions-dialog">
    <p>${t("desk.turn_on_hint")}</p>
    <form onSubmit=${submit} novalidate>
      <${SessionTerms}
        ...${{ fee, price, onFee: setFee, onPrice: setPrice }}
        problem=${wrong ?? problemAt(problem, "fee") ?? problemAt(problem, "price")}
      />
      <${Refusal} problem=${problem} />
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="sessions-submit">
          ${busy ? t("common.waiting") : t("desk.turn_on")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}

function TurnOff({ bot, path, onDone, onClose }) {
  return html`<${Confirm}
    title=${t("desk.turn_off_title", { name: bot.name })}
    text=${t("desk.turn_off_text")}
    verb=${t("desk.turn_off")}
    onYes=${async () => {
      await put(`${path}/sessions`, { on: false });
      onDone();
    }}
    onClose=${onClose}
  />`;
}

function Legacy({ bot, path, onDone, onClose }) {
  const [made_on, setMadeOn] = useState(bot.plan.made_on ?? "");
  const { busy, problem, run } = useAct(async (confirmed) => {
    await post(`${path}/legacy`, { confirmed, ...(confirmed ? { made_on } : {}) });
    showToast(t("common.saved"));
    onDone();
    onClose();
  });
  return html`<${Dialog} title=${t("desk.legacy_title", { name: bot.name })} onClose=${onClose}
    testid="legacy-dialog">
    <${MadeOn} value=${made_on} onValue=${setMadeOn} problem=${problemAt(problem, "made_on")} />
    ${!problemAt(problem, "made_on") && html`<${Refusal} problem=${problem} />`}
    <div class="actions">
      <button
        type="button"
        class="primary"
        disabled=${busy || !made_on}
        data-testid="legacy-yes"
        onClick=${() => run(true)}
      >
        ${t("desk.is_old")}
      </button>
      <button
        type="button"
        class="danger"
        disabled=${busy}
        data-testid="legacy-no"
        onClick=${() => run(false)}
      >
        ${t("desk.is_not_old")}
      </button>
    </div>
  <//>`;
}

function MakeBusiness({ path, onDone, onClose }) {
  const [name, setName] = useState("");
  const { busy, problem, run } = useAct(async () => {
    await post(`${path}/bots`, { name });
    showToast(t("common.saved"));
    onDone();
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return html`<${Dialog} title=${t("desk.make_business")} onClose=${onClose}
    testid="business-dialog">
    <p>${t("desk.make_business_hint")}</p>
    <form onSubmit=${submit}>
      <${TextField}
        name="name"
        label=${t("keys.name")}
        required
        maxlength=${NAME_MOST}
        value=${name}
        problem=${problemAt(problem, "name")}
        onValue=${setName}
        testid="business-name"
      />
      ${!problemAt(problem, "name") && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="business-submit">
          ${busy ? t("common.waiting") : t("keys.create")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}
