// The page of one bot: how it is, its settings, its link, its webhook, its key, its end.

import { html, useEffect, useState } from "./view.js";
import { get, post } from "./api.js";
import { t, told } from "./i18n.js";
import { countryName, full } from "./times.js";
import { Trail } from "./account.js";
import { BotState, WebhookState } from "./bots.js";
import { Connection } from "./bot-connection.js";
import { BotLink } from "./bot-link.js";
import { BotSettings } from "./bot-settings.js";
import { Callbacks } from "./callbacks.js";
import { Face, Loading, PageProblem, Refusal, showToast, useAct } from "./widgets.js";

const ICON_LOOKS = 10;
const ICON_WAIT_MS = 1_000;

export function BotPage({ bot_id }) {
  const path = `bots/${encodeURIComponent(bot_id)}`;
  const [bot, setBot] = useState(null);
  const { problem, run: read } = useAct(async () => setBot(await get(path)));
  useEffect(() => {
    read();
  }, []);
  useIcon(path, bot, setBot);
  if (!bot) {
    return html`<${Trail} />${problem
        ? html`<${PageProblem} problem=${problem} onRetry=${read} />`
        : html`<${Loading} />`}`;
  }
  // What a bot waits for stands first.
  const isAwaiting = bot.state === "awaiting_key";
  const connection = html`<${Connection}
    ...${{ path, bot }}
    onChanged=${setBot}
    onCancelled=${read}
  />`;
  return html`
    <${Trail} last=${bot.name} />
    <${Head} bot=${bot} />
    ${bot.sending_stopped && html`<${Stopped} stopped=${bot.sending_stopped} />`}
    <div class="columns">
      <div>
        ${isAwaiting && connection}
        <${BotSettings} path=${path} bot=${bot} onSaved=${setBot} />
        <${Webhook} path=${path} bot=${bot} onChecked=${setBot} />
        ${!isAwaiting && connection}
      </div>
      <div>
        ${bot.link && html`<${BotLink} path=${path} bot=${bot} />`}
        <${Callbacks} path=${`${path}/callbacks`} />
      </div>
    </div>
  `;
}

// The bot's picture is copied a moment after the connection, and some bots have none.
function useIcon(path, bot, setBot) {
  const [looks, setLooks] = useState(0);
  const isAwaited = bot?.state === "connected" && !bot.icon_file_id && looks < ICON_LOOKS;
  useEffect(() => {
    if (!isAwaited) return undefined;
    const look = async () => {
      try {
        const { icon_file_id } = await get(path);
        setBot((old) => ({ ...old, icon_file_id }));
      } catch (problem) {
        if (problem.status === undefined) throw problem;
      }
      setLooks(looks + 1);
    };
    const timer = setTimeout(look, ICON_WAIT_MS);
    return () => clearTimeout(timer);
  }, [isAwaited, looks]);
}

function Head({ bot }) {
  const since = bot.connected_at && t("bots.since", { at: full(bot.connected_at) });
  const facts = [bot.uri, bot.country && countryName(bot.country), since].filter(Boolean);
  return html`<header class="bot-head" data-testid="bot-head" data-state=${bot.state}>
    <${Face} name=${bot.name} file_id=${bot.icon_file_id} size="large" />
    <div>
      <h1><bdi>${bot.name}</bdi></h1>
      <p class="hint">${facts.join(" · ")}</p>
      <p class="badges">
        <${BotState} bot=${bot} />
        ${bot.state === "connected" && html`<${WebhookState} bot=${bot} />`}
      </p>
    </div>
  </header>`;
}

function Stopped({ stopped }) {
  const why = told("viber", stopped.status) ?? stopped.words;
  return html`<p class="refusal" role="status" data-testid="sending-stopped">
    <span><b>${t("bots.stopped")}.</b> ${why}</span>
  </p>`;
}

function Webhook({ path, bot, onChecked }) {
  const { checked_at, repaired_at, trouble } = bot.webhook;
  const { busy, problem, run } = useAct(async () => {
    onChecked(await post(`${path}/check`));
    showToast(t("webhook.checked"));
  });
  if (bot.state !== "connected") return null;
  return html`<section class="block">
    <h2>${t("bots.webhook")}</h2>
    <p class="hint">${t("webhook.hint")}</p>
    <dl class="facts">
      <div>
        <dt>${t("webhook.state")}</dt>
        <dd><${WebhookState} bot=${bot} isNamed=${false} /></dd>
      </div>
      ${checked_at &&
      html`<div><dt>${t("webhook.checked_at")}</dt><dd>${full(checked_at)}</dd></div>`}
      ${repaired_at &&
      html`<div><dt>${t("webhook.repaired_at")}</dt><dd>${full(repaired_at)}</dd></div>`}
      ${trouble && html`<div><dt>${t("webhook.trouble")}</dt><dd>${trouble}</dd></div>`}
    </dl>
    <${Refusal} problem=${problem} />
    <button type="button" disabled=${busy} data-testid="check-webhook" onClick=${run}>
      ${busy ? t("common.waiting") : t("webhook.check")}
    </button>
  </section>`;
}
