// The account's bots by their plans: what each pays next and when, and what can be done about it.

import { html, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { useOne, usePages } from "./pages.js";
import { cost, count, isZero, micros } from "./money.js";
import { to } from "./routes.js";
import { dayIn, fullIn, monthName } from "./times.js";
import { Face, Loading, PageProblem } from "./widgets.js";
import { BotState } from "./bots.js";
import { Cancel, Claim, Wish } from "./plan-acts.js";
import { useTerms } from "./terms.js";

export function Subscriptions({ bots, balance, onChanged }) {
  const requests = usePages("requests", 200);
  const changed = () => {
    requests.reload();
    onChanged();
  };
  const covered = coveredFees(bots.items ?? [], balance);
  return html`<section class="block" data-testid="subscriptions">
    <header class="page-head">
      <h2>${t("plan.title")}</h2>
      <a class="button quiet" href=${to.requests} data-testid="my-requests">${t("requests.view")}</a>
    </header>
    ${bots.problem && html`<${PageProblem} problem=${bots.problem} onRetry=${bots.reload} />`}
    ${!bots.items && !bots.problem && html`<${Loading} />`}
    ${bots.items?.length === 0 && html`<p class="empty small">${t("plan.none")}</p>`}
    <ul class="lines">
      ${bots.items?.map(
        (bot) =>
          html`<${Subscription}
            key=${bot.bot_id}
            bot=${bot}
            isCovered=${covered.get(bot.bot_id)}
            wishes=${(requests.items ?? []).filter((one) => one.bot_id === bot.bot_id)}
            onChanged=${changed}
          />`,
      )}
    </ul>
  </section>`;
}

function Subscription({ bot, isCovered, wishes, onChanged }) {
  const { plan } = bot;
  const isAwaiting = bot.state === "awaiting_key";
  return html`<li class="subscription" data-testid="subscription" data-bot-id=${bot.bot_id}
    data-plan=${plan.plan ?? ""}>
    <div class="line-head">
      <${Face} name=${bot.name} file_id=${bot.icon_file_id} />
      <b><bdi>${bot.name}</bdi></b>
      <span class="badge accent">${plan.plan ? told("plan", plan.plan) : t("plan.no_plan")}</span>
      <${BotState} bot=${bot} />
    </div>
    ${isAwaiting
      ? html`<p class="notice">
          ${t("bots.awaiting_hint")}${" "}
          <a href=${to.bot(bot.bot_id)} data-testid="paste-key">${t("requests.paste_key")}</a>
        </p>`
      : plan.pays_while_not_connected && html`<p class="notice">${t("plan.pays_anyway")}</p>`}
    <${Facts} bot=${bot} isCovered=${isCovered} />
    <${End} bot=${bot} />
    ${plan.plan === "legacy" && !plan.ended_at && html`<${Used} bot_id=${bot.bot_id} />`}
    <${Acts} bot=${bot} wishes=${wishes} onChanged=${onChanged} />
  </li>`;
}

function Facts({ bot, isCovered }) {
  const { next_fee, paid_until, set_aside, sessions, made_on } = bot.plan;
  const { fee_time_zone } = useTerms() ?? {};
  const zone = next_fee?.time_zone ?? fee_time_zone;
  const isPlain = bot.plan.plan === "business" && !sessions?.on;
  return html`<dl class="facts">
    ${next_fee &&
    html`<div data-testid="next-fee">
      <dt>${told("fee", next_fee.kind)}</dt>
      <dd>
        ${t("plan.fee", {
          amount: cost(next_fee.amount),
          month: monthName(next_fee.month),
          day: dayIn(next_fee.due_at, next_fee.time_zone),
          zone: next_fee.time_zone,
        })}${" "}
        ${isCovered !== undefined &&
        html`<span class=${`badge ${isCovered ? "good" : "bad"}`} data-testid="fee-covered"
          data-covered=${String(isCovered)}>
          ${isCovered ? t("plan.covered") : t("plan.not_covered")}
        </span>`}
      </dd>
    </div>`}
    ${next_fee &&
    isCovered === false &&
    html`<p class="wrong">
      ${t("plan.top_up_by", { at: fullIn(next_fee.last_at, zone), zone })}
    </p>`}
    ${paid_until &&
    zone &&
    html`<div>
      <dt>${t("plan.paid_until")}</dt>
      <dd>${t("plan.until", { day: fullIn(paid_until, zone), zone })}</dd>
    </div>`}
    ${!isZero(set_aside) &&
    html`<div><dt>${t("balance.set_aside")}</dt><dd>${cost(set_aside)}</dd></div>`}
    ${sessions?.on &&
    html`<div><dt>${t("plan.session_price")}</dt><dd>${cost(sessions.price)}</dd></div>`}
    ${isPlain && html`<p class="hint">${t("plan.no_sessions")}</p>`}
    ${made_on && html`<div><dt>${t("plan.made_on")}</dt><dd>${dayIn(made_on, "UTC")}</dd></div>`}
  </dl>`;
}

function End({ bot }) {
  const { ended_at, ended_reason, cancelled_at, ends_at } = bot.plan;
  const { fee_time_zone: zone } = useTerms() ?? {};
  if (!zone) return null;
  if (ended_at) {
    return html`<p class="notice" data-testid="plan-ended">
      ${t("plan.ended", { day: dayIn(ended_at, zone), zone })}${" "}
      ${told("ended", ended_reason) ?? ""}
    </p>`;
  }
  if (!cancelled_at) return null;
  return html`<p class="notice" data-testid="plan-cancelled">
    ${t("plan.cancelled", { day: fullIn(ends_at, zone), zone })}
  </p>`;
}

// A legacy bot's month; asked for apart, for the list of bots does not count it.
function Used({ bot_id }) {
  const { data } = useOne(`bots/${encodeURIComponent(bot_id)}`);
  const used = data?.plan.legacy;
  if (!used) return null;
  const words = t("plan.used", { used: count(used.used), limit: count(used.limit) });
  return html`<div class="used" data-testid="legacy-used" data-used=${used.used}>
    <p>${words}</p>
    <meter
      min="0"
      max=${used.limit}
      high=${used.limit * 0.8}
      optimum="0"
      value=${used.used}
      aria-label=${words}
    ></meter>
    <p class="hint">${t("plan.used_hint")}</p>
  </div>`;
}

function Acts({ bot, wishes, onChanged }) {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const { plan, next_fee, cancelled_at, ended_at, ended_reason } = bot.plan;
  const waiting = wishes.find((one) => one.state === "waiting");
  const isOver = Boolean(cancelled_at || ended_at);
  const isOld = plan === "legacy" && !ended_at;
  const canRevive = isOver && (plan === "commercial" || (plan === "legacy" && ended_reason));
  const canWish = bot.plan.may_send && !bot.plan.sessions?.on && !waiting;
  const request = (purpose, text) =>
    html`<a class="button" href=${to.requestForm(purpose, bot.bot_id)} data-testid=${purpose}>
      ${text}
    </a>`;
  return html`
    ${wishes.slice(0, 1).map((one) => html`<${LastWish} key=${one.request_id} wish=${one} />`)}
    <div class="actions">
      ${!waiting && (isOld || !plan) && request("move", t("plan.move"))}
      ${!waiting && canRevive && request("revival", t("plan.revive"))}
      ${!waiting &&
      !plan &&
      html`<button type="button" onClick=${() => setOpen("claim")} data-testid="claim">
        ${t("plan.claim")}
      </button>`}
      ${canWish &&
      html`<button type="button" onClick=${() => setOpen("wish")} data-testid="wish">
        ${t("plan.wish")}
      </button>`}
      ${next_fee &&
      html`<button
        type="button"
        class="danger"
        data-testid="cancel-plan"
        onClick=${() => setOpen("cancel")}
      >
        ${plan === "business" ? t("plan.cancel_sessions") : t("plan.cancel")}
      </button>`}
    </div>
    ${open === "cancel" && html`<${Cancel} bot=${bot} onDone=${onChanged} onClose=${close} />`}
    ${open === "wish" && html`<${Wish} bot=${bot} onDone=${onChanged} onClose=${close} />`}
    ${open === "claim" && html`<${Claim} bot=${bot} onDone=${onChanged} onClose=${close} />`}
  `;
}

function LastWish({ wish }) {
  const kind = { approved: "good", refused: "bad" }[wish.state] ?? "";
  return html`<p class="line-head" data-testid="last-request" data-state=${wish.state}>
    <span>${told("request", wish.kind)}</span>
    <span class=${`badge ${kind}`}>${told("request_state", wish.state)}</span>
    ${wish.reason && html`<span class="hint">${wish.reason}</span>`}
  </p>`;
}

// Which fees the money there is would pay, in the order in which fees are taken: maintenance
// before sessions, older bots before newer ones.
export function coveredFees(bots, balance) {
  const covered = new Map();
  if (!balance) return covered;
  let left = micros(balance.available);
  const paying = bots.filter((bot) => bot.plan.next_fee);
  const isFirst = (bot) => bot.plan.next_fee.kind === "maintenance-fee";
  for (const bot of [...paying.filter(isFirst), ...paying.filter((bot) => !isFirst(bot))]) {
    const missing = Math.max(0, micros(bot.plan.next_fee.amount) - micros(bot.plan.set_aside));
    covered.set(bot.bot_id, missing <= left);
    if (missing <= left) left -= missing;
  }
  return covered;
}
