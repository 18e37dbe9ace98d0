// What an admin does about a bot's plan: cancels it, wishes for sessions, says that a bot is old.

import { html, useState } from "./view.js";
import { post } from "./api.js";
import { t } from "./i18n.js";
import { monthName, fullIn } from "./times.js";
import {
  Confirm, Dialog, Field, problemAt, Refusal, showToast, TextField, useAct,
} from "./widgets.js";
import { useTerms } from "./terms.js";

const WISH_MOST = 4000;
const pathOf = (bot, act) => `bots/${encodeURIComponent(bot.bot_id)}/${act}`;

export function Cancel({ bot, onDone, onClose }) {
  const { paid_until, next_fee } = bot.plan;
  const { fee_time_zone } = useTerms() ?? {};
  const zone = next_fee?.time_zone ?? fee_time_zone;
  const isBusiness = bot.plan.plan === "business";
  const day = fullIn(paid_until, zone);
  const month = next_fee ? monthName(next_fee.month) : "";
  const cancel = async () => {
    await post(pathOf(bot, "cancel"));
    showToast(t("plan.cancel_done"));
    onDone();
  };
  return html`<${Confirm}
    title=${t("plan.cancel_title", { name: bot.name })}
    text=${isBusiness
      ? t("plan.cancel_sessions_text", { day, zone, month })
      : t("plan.cancel_text", { day, zone, month })}
    verb=${isBusiness ? t("plan.cancel_sessions") : t("plan.cancel")}
    no=${t("plan.keep")}
    onYes=${cancel}
    onClose=${onClose}
  />`;
}

export function Wish({ bot, onDone, onClose }) {
  const [text, setText] = useState("");
  const { busy, problem, run } = useAct(async () => {
    await post(pathOf(bot, "wish"), { text });
    showToast(t("plan.wish_sent"));
    onDone();
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  const atText = problemAt(problem, "text");
  const control = (ties) => html`<textarea
    ...${ties}
    rows="5"
    required
    maxlength=${WISH_MOST}
    value=${text}
    data-testid="wish-text"
    onInput=${(event) => setText(event.currentTarget.value)}
  ></textarea>`;
  return html`<${Dialog} title=${t("plan.wish_title", { name: bot.name })} onClose=${onClose}
    testid="wish-dialog">
    <p>${t("plan.wish_hint")}</p>
    <form onSubmit=${submit}>
      <${Field} label=${t("plan.wish_text")} name="text" problem=${atText} control=${control} />
      ${!atText && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy || !text.trim()}
          data-testid="wish-submit">
          ${busy ? t("common.waiting") : t("plan.wish_send")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}

export function Claim({ bot, onDone, onClose }) {
  const [made_on, setMadeOn] = useState("");
  const { busy, problem, run } = useAct(async () => {
    await post(pathOf(bot, "legacy-claim"), { made_on });
    showToast(t("plan.claim_sent"));
    onDone();
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return html`<${Dialog} title=${t("plan.claim_title", { name: bot.name })} onClose=${onClose}
    testid="claim-dialog">
    <p>${t("plan.claim_hint")}</p>
    <form onSubmit=${submit}>
      <${MadeOn} value=${made_on} onValue=${setMadeOn} problem=${problemAt(problem, "made_on")} />
      ${!problemAt(problem, "made_on") && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="claim-submit">
          ${busy ? t("common.waiting") : t("plan.claim_send")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}

// The day an old bot was made on: before bots were paid for.
export function MadeOn({ value, onValue, problem }) {
  const { legacy_made_until } = useTerms() ?? {};
  return html`<${TextField}
    type="date"
    label=${t("plan.made_on")}
    hint=${t("plan.made_on_hint")}
    name="made_on"
    max=${legacy_made_until}
    required
    ...${{ value, onValue, problem }}
    testid="made-on"
  />`;
}
