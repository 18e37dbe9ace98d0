// The inbox: the tickets of all bots in one list, with filters.

import { html, useEffect, useRef } from "./view.js";
import { families, t, told } from "./i18n.js";
import { botName, bots, peopleOptions, personName } from "./directory.js";
import { brief, full } from "./times.js";
import { filters, list, loadMore, setFilter, useTickets } from "./tickets.js";
import { Choice, Face, Loading, More, PageProblem, say } from "./widgets.js";
import { Icon } from "./icons.js";
import { to } from "./routes.js";

const ACTIVE = ["new", "accepted", "in_work", "awaiting_answer"];

export function Inbox({ chosen, isShown }) {
  useTickets(isShown);
  useAnnouncedNews();
  const { items, problem } = list.value;
  return html`<section class="inbox" aria-label=${t("inbox.title")}>
    <${Filters} />
    ${problem && !items && html`<${PageProblem} problem=${problem} />`}
    ${!items && !problem && html`<${Loading} />`}
    ${items &&
    html`<ul class="tickets" data-testid="ticket-list">
      ${items.map(
        (ticket) =>
          html`<${Row}
            key=${ticket.ticket_id}
            ticket=${ticket}
            isChosen=${ticket.ticket_id === chosen}
          />`,
      )}
    </ul>`}
    ${items?.length === 0 && !list.value.cursor && html`<${NoTickets} />`}
    ${items && html`<${More} list=${{ ...list.value, more: loadMore }} />`}
  </section>`;
}

function Filters() {
  const { view, status, assignee_id, bot_id } = filters.value;
  const statuses = families.status.filter((word) => ACTIVE.includes(word) === (view === "active"));
  const any = ["", t("inbox.any")];
  return html`<div class="filters" role="group" aria-label=${t("inbox.filters")}>
    <div class="tabs" role="group" aria-label=${t("inbox.view")}>
      ${["active", "inactive"].map(
        (name) =>
          html`<button
            key=${name}
            type="button"
            aria-pressed=${name === view}
            data-testid=${`view-${name}`}
            onClick=${() => setFilter("view", name)}
          >
            ${name === "active" ? t("inbox.active") : t("inbox.inactive")}
          </button>`,
      )}
    </div>
    <${Filter}
      label=${t("ticket.status")}
      name="status"
      value=${status}
      options=${[any, ...statuses.map((word) => [word, told("status", word)])]}
    />
    <${Filter}
      label=${t("ticket.assignee")}
      name="assignee_id"
      value=${assignee_id}
      options=${[
        any,
        ["me", t("inbox.mine")],
        ["none", t("people.nobody")],
        ...peopleOptions(null),
      ]}
    />
    <${Filter}
      label=${t("inbox.bot")}
      name="bot_id"
      value=${bot_id}
      options=${[any, ...bots.value.map((bot) => [bot.bot_id, bot.name])]}
    />
  </div>`;
}

function Filter({ label, name, value, options }) {
  return html`<label class="filter">
    <span>${label}</span>
    <${Choice}
      value=${value}
      options=${options}
      testid=${`filter-${name.replace("_id", "")}`}
      onValue=${(chosen) => setFilter(name, chosen)}
    />
  </label>`;
}

function Row({ ticket, isChosen }) {
  const name = ticket.contact_name || t("contact.unnamed");
  const at = ticket.last_inbound_at ?? ticket.created_at;
  const classes = ["ticket-row", ticket.is_unread && "unread", isChosen && "chosen"];
  return html`<li>
    <a
      class=${classes.filter(Boolean).join(" ")}
      href=${to.ticket(ticket.ticket_id)}
      aria-current=${isChosen ? "true" : undefined}
      data-testid="ticket-row"
      data-ticket-id=${ticket.ticket_id}
      data-status=${ticket.status}
      data-unread=${String(ticket.is_unread)}
    >
      <${Face} name=${ticket.contact_name} />
      <span class="row-name">
        ${ticket.is_unread && html`<span class="hidden">${t("inbox.unread")} </span>`}
        <bdi>${name}</bdi>
      </span>
      <time class="row-at" datetime=${at} title=${full(at)}>${brief(at)}</time>
      <span class="row-preview"><${Preview} preview=${ticket.preview} /></span>
      <span class="row-foot">
        <span class=${`badge status-${ticket.status}`}>
          ${told("status", ticket.status) ?? ticket.status}
        </span>
        <span class="row-who">
          ${ticket.assignee_id ? personName(ticket.assignee_id) : t("people.nobody")}
        </span>
        <span class="row-bot">${botName(ticket.bot_id)}</span>
      </span>
      ${ticket.is_unread && html`<span class="dot" aria-hidden="true"></span>`}
    </a>
  </li>`;
}

function Preview({ preview }) {
  if (!preview) return null;
  const own = { outgoing: "up", note: "note" }[preview.kind];
  const isText = preview.type === "text";
  return html`
    ${own && html`<${Icon} name=${own} />`}
    ${!isText && html`<${Icon} name=${preview.type} />`}
    ${preview.text || (isText ? "" : (told("type", preview.type) ?? t("type.unsupported")))}
  `;
}

function NoTickets() {
  const { view, status, assignee_id, bot_id } = filters.value;
  const isNarrowed = Boolean(status || assignee_id || bot_id || view === "inactive");
  return html`<p class="empty" data-testid="no-tickets">
    ${isNarrowed ? t("inbox.none_found") : t("inbox.none_yet")}
  </p>`;
}

// Tells a screen reader and the window's title about tickets that have become unread.
function useAnnouncedNews() {
  const seen = useRef(null);
  const unread = list.value.items?.filter((ticket) => ticket.is_unread) ?? null;
  useEffect(() => {
    if (!unread) {
      seen.current = null;
      return;
    }
    const marks = new Map(unread.map((ticket) => [ticket.ticket_id, ticket.last_inbound_at]));
    const fresh = seen.current
      ? unread.filter((ticket) => seen.current.get(ticket.ticket_id) !== ticket.last_inbound_at)
      : [];
    seen.current = marks;
    if (fresh.length > 0) {
      const name = fresh[0].contact_name || t("contact.unnamed");
      say(t("inbox.news", { name }));
    }
  }, [list.value.items]);
}

// How many of the tickets loaded are unread, for the window's title.
export const unreadCount = () => list.value.items?.filter((one) => one.is_unread).length ?? 0;
