// The account's Viber bots: the list, and the window where a bot's key is pasted.

import { html, useState } from "./view.js";
import { post } from "./api.js";
import { t, told, woven } from "./i18n.js";
import { usePages } from "./pages.js";
import { readDirectory } from "./directory.js";
import { go, to } from "./routes.js";
import { Trail } from "./account.js";
import { Link } from "./content.js";
import { Dialog, explain, Face, Loading, More, PageProblem, TextField, useAct } from "./widgets.js";
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
      })}
    </p>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("bots.none")}</p>`}
    ${list.items?.map((bot) => html`<${BotTile} key=${bot.bot_id} bot=${bot} />`)}
    <${More} list=${list} />
    ${isAdding && html`<${AddBot} onClose=${() => setAdding(false)} />`}
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
      <span>${bot.uri}</span>
    </span>
    <span class="tile-badges">
      <${BotState} bot=${bot} />
      ${bot.state === "connected" && html`<${WebhookState} bot=${bot} />`}
      ${bot.sending_stopped && html`<span class="badge bad">${t("bots.stopped")}</span>`}
    </span>
  </a>`;
}

function AddBot({ onClose }) {
  const connect = async (key) => {
    const bot = await post("bots", { key });
    await readDirectory();
    onClose();
    go(to.bot(bot.bot_id));
  };
  return html`<${Dialog} title=${t("bots.add")} onClose=${onClose} testid="add-bot-dialog">
    <p>${t("bots.add_hint")}</p>
    <${KeyForm}
      verb=${t("bots.connect")}
      testid="bot-connect"
      onKey=${connect}
      onClose=${onClose}
    />
  <//>`;
}

// The key of a bot, pasted; Viber's own reason is shown when it refuses.
export function KeyForm({ verb, testid, onKey, onClose }) {
  const [key, setKey] = useState("");
  const { busy, problem, run } = useAct(onKey);
  const submit = (event) => {
    event.preventDefault();
    run(key.trim());
  };
  return html`<form onSubmit=${submit}>
    <${TextField}
      label=${t("bots.key")}
      autocomplete="off"
      spellcheck=${false}
      autocapitalize="none"
      required
      value=${key}
      onValue=${setKey}
      testid="bot-key"
      class="code"
    />
    ${problem &&
    html`<div class="refusal" role="alert" data-testid="problem" data-kind=${problem.kind}>
      <${Icon} name="failed" />
      <span>${reasonOf(problem)}</span>
    </div>`}
    <div class="actions">
      <button type="submit" class="primary" disabled=${busy} data-testid=${testid}>
        ${busy ? t("bots.connecting") : verb}
      </button>
      <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
    </div>
  </form>`;
}

// Says in the person's language what happened and repeats the other side's own words.
function reasonOf(problem) {
  if (problem.field === "key") return t("bots.key_refused", { reason: problem.detail });
  if (problem.kind === "already-connected") return t("problem.already-connected");
  if (problem.kind === "conflict") return t("bots.key_taken", { reason: problem.detail });
  const status = problem.facts.viber_status;
  return (status !== undefined && told("viber", status)) || explain(problem);
}
