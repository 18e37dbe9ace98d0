// One message of a talk: who said it, what, and what became of it.

import { html } from "./view.js";
import { t, told } from "./i18n.js";
import { clock, full } from "./times.js";
import { agree, deliver, drop, outbox, resent, takeBack } from "./outbox.js";
import { Again } from "./again.js";
import { cost } from "./money.js";
import { explain } from "./widgets.js";
import { Icon } from "./icons.js";
import { Content } from "./content.js";
import { to } from "./routes.js";
import { isOpener } from "./opened-sessions.js";

const MARKS = {
  queued: "clock",
  sending: "up",
  sent: "tick",
  delivered: "ticks",
  seen: "ticks",
  failed: "failed",
  unknown: "unknown",
};
const SENT = ["sent", "delivered", "seen"];

// `session` is the one that the message has opened, where it is known.
export function Message({ message, contactName, isSameVoice, session = null }) {
  const { message_id, kind, delivery } = message;
  const classes = `message ${kind}${isSameVoice ? " same-voice" : ""}`;
  return html`<article
    class=${classes}
    data-testid="message"
    data-message-id=${message_id}
    data-kind=${kind}
    data-type=${message.content.type}
    data-state=${delivery?.state ?? ""}
  >
    <p class=${isSameVoice ? "hidden" : "voice"}>
      ${kind === "note" && html`<${Icon} name="note" />`}${voiceOf(message, contactName)}
    </p>
    <div class="bubble">
      <${Content} message=${message} />
      <p class="stamp">
        ${message.charge && html`<${Charge} ...${{ message, session }} />`}
        <time datetime=${message.at} title=${full(message.at)}>${clock(message.at)}</time>
        ${delivery && html`<${DeliveryMark} delivery=${delivery} />`}
      </p>
    </div>
    ${delivery?.state === "failed" && html`<${Failed} message=${message} />`}
    ${delivery?.state === "unknown" && html`<${Unknown} message=${message} />`}
  </article>`;
}

// A reply that the server has not taken yet.
export function Pending({ one }) {
  const kind = one.notify ? "outgoing" : "note";
  const isSending = one.state === "sending";
  return html`<article
    class=${`message pending ${kind}`}
    data-testid="message"
    data-message-id=""
    data-kind=${kind}
    data-state=${isSending ? "pending" : one.state}
  >
    <p class="voice">${kind === "note" ? t("message.note_own") : t("message.own")}</p>
    ${one.parts.map(
      (content, index) => html`<div class="bubble" key=${index}>
        <${Content} message=${{ kind, content, file: null }} />
        ${isSending &&
        html`<p class="stamp">
          <${Icon} name="clock" /><span class="hidden">${t("message.pending")}</span>
        </p>`}
      </div>`,
    )}
    ${!isSending && html`<${Unsent} one=${one} />`}
  </article>`;
}

// What the customer's phone knows of a message, as one small sign with its words.
export function DeliveryMark({ delivery }) {
  const { state } = delivery;
  const text = told("delivery", state) ?? state;
  const at = delivery[`${state}_at`];
  return html`<span class=${`delivery ${state}`} title=${at ? `${text}: ${full(at)}` : text}>
    <${Icon} name=${MARKS[state] ?? "unknown"} /><span class="hidden">${text}</span>
  </span>`;
}

// What the message cost and what became of that money, said quietly.
function Charge({ message, session }) {
  const { kind, price, state } = message.charge;
  if (isOpener(message)) {
    const money = session?.money ?? state;
    const [text, fate] = [openedOf(message, session), told("money", money)];
    return html`<${Cost} ...${{ kind, text, fate }} state=${money} />`;
  }
  if (state === "none") return null;
  const words = [told("price", kind), told("money", state)].filter(Boolean).join(" · ");
  return html`<${Cost} ...${{ kind, state }} text=${cost(price)} fate=${words} />`;
}

function Cost({ kind, state, text, fate }) {
  return html`<span
    class=${`charge ${state}`}
    title=${[text, fate].filter(Boolean).join(" · ")}
    data-testid="charge"
    data-kind=${kind}
    data-state=${state}
  >
    ${text}${fate && html`<span class="hidden"> · ${fate}</span>`}
  </span>`;
}

// Before it is sent, what it will do; after that what it has done, and for how much.
function openedOf({ charge, delivery }, session) {
  if (!SENT.includes(delivery?.state)) return told("price", charge.kind);
  const done = charge.kind === "opens-session"
    ? t("message.opened_session")
    : t("message.renewed_session");
  return [session?.price && cost(session.price), done].filter(Boolean).join(" · ");
}

function Failed({ message }) {
  return html`<div class="fate failed">
    <p data-testid="failure"><b>${t("message.failed")}</b> ${whyFailed(message.delivery)}</p>
    <${Again} message=${message} verb=${t("message.retry")} testid="retry" />
  </div>`;
}

function Unknown({ message }) {
  return html`<div class="fate unknown">
    <p data-testid="unknown">${t("message.unknown")}</p>
    <${Again}
      message=${message}
      verb=${t("message.send_anyway")}
      testid="send-anyway"
      title=${t("message.send_anyway_title")}
      text=${t("message.send_anyway_text")}
    />
  </div>`;
}

function Unsent({ one }) {
  const { key, state, problem, draft } = one;
  const { current_ticket_id: current, price } = problem.facts;
  return html`<div class="fate failed" role="alert" data-testid="unsent" data-kind=${problem.kind}>
    <p>
      <b>${state === "stuck" ? t("message.stuck") : t("message.refused")}</b> ${explain(problem)}
      ${current && html` <a href=${to.ticket(current)}>${t("ticket.current")}</a>`}
    </p>
    <div class="actions">
      ${price &&
      html`<button
        type="button"
        class="primary"
        data-testid="agree"
        onClick=${() => agree(key, price)}
      >
        ${t("meter.send_for", { price: cost(price) })}
      </button>`}
      ${state === "stuck" &&
      html`<button type="button" data-testid="resend" onClick=${() => deliver(key)}>
        ${t("common.try_again")}
      </button>`}
      ${state === "refused" &&
      draft &&
      html`<button type="button" data-testid="take-back" onClick=${() => takeBack(key)}>
        ${t("message.edit")}
      </button>`}
      <button type="button" class="quiet" data-testid="discard" onClick=${() => drop(key)}>
        ${t("message.discard")}
      </button>
    </div>
  </div>`;
}

// The reason in the person's language; the server's English words where the catalogue has none.
function whyFailed({ reason, viber_status, words }) {
  const byViber = viber_status !== null && told("viber", viber_status);
  const byReason = reason !== "viber-refused" && told("reason", reason);
  return byReason || byViber || words || told("reason", reason) || t("message.no_reason");
}

function voiceOf({ kind, author }, contactName) {
  if (kind === "inbound") return author.name || contactName || t("contact.unnamed");
  if (kind === "system") return t("message.system");
  const name = author.name || { bot: t("message.bot"), program: t("message.program") }[author.kind];
  return kind === "note" ? t("message.note", { name: name || t("people.former") }) : name;
}
