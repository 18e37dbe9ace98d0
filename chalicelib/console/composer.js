// Where an agent writes: text, attachments, and the mark whether the customer is told.

import { html, useId, useRef, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { draftOf, reply, setDraft } from "./outbox.js";
import { Icon } from "./icons.js";
import { Mark } from "./widgets.js";
import { AttachForm } from "./attachments.js";
import { Meter } from "./meter.js";
import { useQuote } from "./quotes.js";

// Viber: a text has at most 7000 characters; a reply of ours has at most 20 parts.
const TEXT_MOST = 7000;
const TEXT_COUNTED_FROM = 6000;
const PARTS_MOST = 20;

// `why` is the reason why nothing can reach the customer now, or null; a change of `pulse` means
// that the price may be another.
export function Composer({ ticket_id, why, pulse }) {
  const draft = draftOf(ticket_id);
  const [isAttaching, setAttaching] = useState(false);
  const area = useRef(null);
  const id = useId();
  const notify = draft.notify && !why;
  const length = [...draft.text].length;
  const parts = [
    ...(draft.text.trim() ? [{ type: "text", text: draft.text.trim() }] : []),
    ...draft.attachments,
  ];
  const quoted = useQuote(ticket_id, parts, { isOn: notify, pulse });
  const { quote } = quoted;
  const isFitting = parts.length > 0 && parts.length <= PARTS_MOST && length <= TEXT_MOST;
  // Nothing is sent whose price nobody has seen.
  const canSend = isFitting && (!notify || Boolean(quote && !quote.refusal));

  const send = (event) => {
    event?.preventDefault();
    if (!canSend) return;
    const { text, attachments } = draft;
    setDraft(ticket_id, { text: "", attachments: [] });
    setAttaching(false);
    area.current.focus();
    const agreed_price = notify ? quote.price : null;
    reply(ticket_id, { parts, notify, agreed_price, draft: { text, attachments } });
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
  };
  const attach = (part) => {
    setDraft(ticket_id, { attachments: [...draft.attachments, part] });
    setAttaching(false);
    area.current.focus();
  };
  const detach = (index) =>
    setDraft(ticket_id, { attachments: draft.attachments.filter((_, at) => at !== index) });

  return html`<section
    class=${`composer ${notify ? "" : "noting"}`}
    aria-label=${t("composer.title")}
    data-testid="composer"
    data-notify=${String(notify)}
  >
    ${isAttaching &&
    html`<${AttachForm} onAttach=${attach} onClose=${() => setAttaching(false)} />`}
    <form onSubmit=${send}>
      <label class="hidden" for=${id}>${notify ? t("composer.reply") : t("composer.note")}</label>
      <textarea
        id=${id}
        ref=${area}
        rows="3"
        dir="auto"
        value=${draft.text}
        placeholder=${notify ? t("composer.reply") : t("composer.note")}
        aria-keyshortcuts="Control+Enter Meta+Enter"
        data-testid="composer-text"
        onInput=${(event) => setDraft(ticket_id, { text: event.currentTarget.value })}
        onKeyDown=${onKeyDown}
      ></textarea>
      <${Chips} attachments=${draft.attachments} onDetach=${detach} />
      ${notify && html`<${Meter} quoted=${quoted} />`}
      <div class="composer-foot">
        <button
          type="button"
          class="bare"
          aria-expanded=${String(isAttaching)}
          aria-label=${t("composer.attach")}
          title=${t("composer.attach")}
          data-testid="attach-open"
          onClick=${() => setAttaching(!isAttaching)}
        >
          <${Icon} name="attach" />
        </button>
        <${Mark}
          label=${t("composer.notify")}
          checked=${notify}
          disabled=${Boolean(why)}
          testid="composer-notify"
          hint=${why ?? (notify ? undefined : t("composer.noting"))}
          onValue=${(checked) => setDraft(ticket_id, { notify: checked })}
        />
        <span class="composer-end">
          ${length > TEXT_COUNTED_FROM &&
          html`<span class=${length > TEXT_MOST ? "wrong" : "hint"} role="status">
            ${length} / ${TEXT_MOST}
          </span>`}
          <span class="hint shortcut" aria-hidden="true">Ctrl/⌘ + Enter</span>
          <button type="submit" class="primary" disabled=${!canSend} data-testid="composer-send">
            <${Icon} name=${notify ? "send" : "note"} />
            ${notify ? t("composer.send") : t("composer.add_note")}
          </button>
        </span>
      </div>
    </form>
  </section>`;
}

function Chips({ attachments, onDetach }) {
  if (attachments.length === 0) return null;
  return html`<ul class="chips">
    ${attachments.map((part, index) => {
      const name = `${told("type", part.type)}: ${shortName(part)}`;
      return html`<li key=${index} class="chip" data-testid="attachment">
        <${Icon} name=${part.type} /><span>${name}</span>
        <button
          type="button"
          class="bare"
          aria-label=${t("composer.detach", { name })}
          onClick=${() => onDetach(index)}
        >
          <${Icon} name="close" />
        </button>
      </li>`;
    })}
  </ul>`;
}

function shortName(part) {
  if (part.type === "contact") return part.name;
  if (part.type === "location") return `${part.lat}, ${part.lon}`;
  if (part.type === "sticker") return part.sticker_id;
  return part.file_name ?? part.media;
}
