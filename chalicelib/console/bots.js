// The account's Viber bots: the list, with how each is.

import { html, useState } from "./view.js";
import { t, told, woven } from "./i18n.js";
import { usePages } from "./pages.js";
import { to } from "./routes.js";
import { Trail } from "./account.js";
import { Link } from "./content.js";
import { AddBot } from "./add-bot.js";
import { Face, Loading, More, PageProblem } from "./widgets.js";
import { Icon } from "./icons.js";
import { TERMS } from "./terms.js";

export function BotsPage() {
  const list = usePages("bots");
  const [isAdding, setAdding] = useState(false);
  return html`
    <${Trail} />
    <header class="page-head">
      <h1>${t("bots.title")}</h1>
      <button
        type="button"
        class="primary"
        data-testid="add-bot"
        onClick=${() => setAdding(true)}
      >
        <${Icon} name="plus" /> ${t("bots.add")}
      </button>
    </header>
    <p class="notice" data-testid="paid-note">
      ${woven("bots.paid_note", {
        terms: html`<${Link} key="terms" address=${TERMS} text=${t("bots.paid_terms")} />`,
      })}${" "}
      <a href=${to.money} data-testid="to-money">${t("money.title")}</a>
    </p>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("bots.none")}</p>`}
    ${list.items?.map((bot) => html`<${BotTile} key=${bot.bot_id} bot=${bot} />`)}
    <${More} list=${list} />
    ${isAdding &&
    html`<${AddBot}
      awaiting=${list.items?.filter((bot) => bot.state === "awaiting_key") ?? []}
      onClose=${() => setAdding(false)}
    />`}
  `;
}

export function BotState({ bot }) {
  const kind = { connected: "good", disconnected: "bad" }[bot.state] ?? "";
  return html`<span class=${`badge ${kind}`} data-testid="bot-state" data-state=${bot.state}>
    ${told("bot", bot.state) ?? bot.state}
  </span>`;
}

export function WebhookState({ bot, isNamed = true }) {
  const { state } = bot.webhook;
  const kind = { ok: "good", repaired: "good", broken: "bad" }[state] ?? "";
  return html`<span class=${`badge ${kind}`} data-testid="webhook-state" data-state=${state}>
    ${isNamed && `${t("bots.webhook")}: `}${told("webhook", state) ?? state}
  </span>`;
}

function BotTile({ bot }) {
  return html`<a
    class="tile"
    href=${to.bot(bot.bot_id)}
    data-testid="bot"
    data-bot-id=${bot.bot_id}
    data-state=${bot.state}
  >
    <${Face} name=${bot.name} file_id=${bot.icon_file_id} />
    <span class="tile-words">
      <b><bdi>${bot.name}</bdi></b>
      <span>${bot.uri ?? ""}</span>
    </span>
    <span class="tile-badges">
      <${BotState} bot=${bot} />
      ${bot.state === "connected" && html`<${WebhookState} bot=${bot} />`}
      ${bot.plan.plan && html`<span class="badge accent">${told("plan", bot.plan.plan)}</span>`}
      ${bot.sending_stopped && html`<span class="badge bad">${t("bots.stopped")}</span>`}
    </span>
  </a>`;
}
