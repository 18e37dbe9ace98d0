// The customer's card beside the talk.

import { html } from "./view.js";
import { t } from "./i18n.js";
import { botName, personName } from "./directory.js";
import { countryName, full, languageName } from "./times.js";
import { Face } from "./widgets.js";
import { Icon } from "./icons.js";

export function ContactCard({ ticket, onClose }) {
  const { contact, conversation, bot } = ticket;
  const name = contact.name || t("contact.unnamed");
  const language = contact.language && languageName(contact.language.slice(0, 2));
  const facts = [
    [t("contact.phone"), contact.phone ? html`<${Phone} number=${contact.phone} />` : null],
    [t("contact.country"), contact.country && countryName(contact.country)],
    [t("contact.language"), language],
    [t("contact.context"), conversation.context && html`<code>${conversation.context}</code>`],
    [t("contact.last_word"), conversation.last_inbound_at && full(conversation.last_inbound_at)],
    [t("inbox.bot"), bot.name || botName(ticket.bot_id)],
    [t("ticket.participants"), ticket.participant_ids.map(personName).join(", ")],
    [t("ticket.created"), full(ticket.created_at)],
    [t("ticket.number"), html`<code>${ticket.ticket_id}</code>`],
  ];
  return html`<aside class="contact" aria-label=${t("contact.title")} data-testid="contact">
    <button type="button" class="bare contact-close" aria-label=${t("common.close")}
      onClick=${onClose}>
      <${Icon} name="close" />
    </button>
    <${Face} name=${contact.name} file_id=${contact.avatar_file_id} size="large" />
    <h2><bdi>${name}</bdi></h2>
    <p
      class=${`badge ${conversation.is_subscribed ? "good" : "bad"}`}
      data-testid="subscription"
      data-subscribed=${String(conversation.is_subscribed)}
    >
      ${conversation.is_subscribed ? t("contact.subscribed") : t("contact.unsubscribed")}
    </p>
    <dl>
      ${facts
        .filter(([, value]) => value)
        .map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}
    </dl>
    ${!contact.phone && html`<p class="hint">${t("contact.no_phone")}</p>`}
  </aside>`;
}

function Phone({ number }) {
  return html`<a href=${`tel:${number.replace(/[^\d+]/g, "")}`}>${number}</a>`;
}
