// One ticket: its head with status and assignee, its talk, the composer, the customer's card.

import { html, useEffect, useRef, useState } from "./view.js";
import { families, t, told } from "./i18n.js";
import { peopleOptions } from "./directory.js";
import { follow } from "./live.js";
import { me } from "./session.js";
import { changeTicket } from "./tickets.js";
import { go, to } from "./routes.js";
import { Choice, explain, Face, Field, Loading, PageProblem, showToast } from "./widgets.js";
import { Icon } from "./icons.js";
import { ContactCard } from "./contact.js";
import { Composer } from "./composer.js";
import { Thread, useThread } from "./thread.js";
import { Text } from "./content.js";

export function TicketPage({ ticket_id }) {
  const { ticket, problem, change } = useTicket(ticket_id);
  const [isCardOpen, setCardOpen] = useState(false);
  if (!ticket) {
    return html`<section class="ticket">
      <p class="ticket-back"><a class="button quiet" href=${to.inbox}>${t("ticket.back")}</a></p>
      ${problem ? html`<${PageProblem} problem=${problem} />` : html`<${Loading} />`}
    </section>`;
  }
  return html`<section
    class=${`ticket ${isCardOpen ? "card-open" : ""}`}
    aria-label=${t("ticket.title")}
    data-testid="ticket"
    data-ticket-id=${ticket_id}
    data-status=${ticket.status}
  >
    <${Head} ...${{ ticket, change, isCardOpen, setCardOpen }} />
    <${Notices} ticket=${ticket} />
    <${Talk} ticket=${ticket} />
    <${ContactCard} ticket=${ticket} onClose=${() => setCardOpen(false)} />
  </section>`;
}

function Head({ ticket, change, isCardOpen, setCardOpen }) {
  const name = ticket.contact.name || t("contact.unnamed");
  const title = useRef(null);
  // On a small screen the list is gone now; everywhere the reading goes on from the ticket's name.
  useEffect(() => {
    title.current.focus({ preventScroll: true });
  }, []);
  const markUnread = async () => {
    if (await change({ is_unread: true })) go(to.inbox);
  };
  return html`<header class="ticket-head">
    <a class="bare button to-list" href=${to.inbox} aria-label=${t("ticket.back")}>
      <${Icon} name="back" />
    </a>
    <${Face} name=${ticket.contact.name} file_id=${ticket.contact.avatar_file_id} />
    <div class="ticket-title">
      <h1 tabindex="-1" ref=${title}><bdi>${name}</bdi></h1>
      <p><bdi>${ticket.subject}</bdi></p>
    </div>
    <div class="ticket-tools">
      <${Field}
        label=${t("ticket.status")}
        control=${(ties) =>
          html`<${Choice}
            ...${ties}
            class=${`status-${ticket.status}`}
            value=${ticket.status}
            testid="status-select"
            options=${families.status.map((word) => [word, told("status", word)])}
            onValue=${(status) => change({ status })}
          />`}
      />
      <${Field}
        label=${t("ticket.assignee")}
        control=${(ties) =>
          html`<${Choice}
            ...${ties}
            value=${ticket.assignee_id ?? ""}
            testid="assignee-select"
            options=${[["", t("people.nobody")], ...peopleOptions(ticket.assignee_id)]}
            onValue=${(chosen) => change({ assignee_id: chosen || null })}
          />`}
      />
      ${ticket.assignee_id !== me.value?.person.person_id &&
      html`<button
        type="button"
        class="quiet take"
        data-testid="take"
        onClick=${() => change({ assignee_id: me.value.person.person_id })}
      >
        ${t("ticket.take")}
      </button>`}
      <button
        type="button"
        class="bare"
        title=${t("ticket.mark_unread")}
        aria-label=${t("ticket.mark_unread")}
        data-testid="mark-unread"
        onClick=${markUnread}
      >
        <${Icon} name="unread" />
      </button>
      <button
        type="button"
        class="bare card-toggle"
        title=${t("contact.title")}
        aria-label=${t("contact.title")}
        aria-expanded=${String(isCardOpen)}
        data-testid="card-toggle"
        onClick=${() => setCardOpen(!isCardOpen)}
      >
        <${Icon} name="card" />
      </button>
    </div>
  </header>`;
}

// What the agent should know before he writes.
function Notices({ ticket }) {
  const { conversation, previous_ticket_id, description } = ticket;
  return html`<div class="notices">
    ${!conversation.is_current &&
    html`<p class="notice" data-testid="not-current">
      ${t("ticket.not_current")}${" "}
      <a href=${to.ticket(conversation.current_ticket_id)}>${t("ticket.current")}</a>
    </p>`}
    ${(description || previous_ticket_id) &&
    html`<div class="notice plain">
      <${Text} text=${description} />
      ${previous_ticket_id &&
      html`<a href=${to.ticket(previous_ticket_id)} data-testid="previous-ticket">
        ${t("ticket.previous")}
      </a>`}
    </div>`}
  </div>`;
}

function Talk({ ticket }) {
  const thread = useThread(ticket.ticket_id);
  return html`<div class="talk">
    <${Thread}
      ticket_id=${ticket.ticket_id}
      thread=${thread}
      contactName=${ticket.contact.name}
    />
    <${Composer}
      ticket_id=${ticket.ticket_id}
      why=${whyUnreachable(ticket)}
      pulse=${pulseOf(thread.messages)}
    />
  </div>`;
}

// Follows the ticket, and marks it read while somebody looks at it.
function useTicket(ticket_id) {
  const [state, setState] = useState({ ticket: null, problem: null });
  const following = useRef(null);
  const fold = (answer) =>
    setState((old) => ({ ticket: { ...old.ticket, ...answer }, problem: null }));

  const change = async (alter) => {
    try {
      fold(await changeTicket(ticket_id, alter));
      following.current?.nudge();
      return true;
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      showToast(explain(problem), "bad");
      // Draws the controls again with what is true.
      setState((old) => ({ ...old }));
      return false;
    }
  };

  useEffect(() => {
    setState({ ticket: null, problem: null });
    const path = `tickets/${encodeURIComponent(ticket_id)}`;
    following.current = follow(path, {
      onData: (ticket) => {
        fold(ticket);
        if (ticket.is_unread && !document.hidden) change({ is_unread: false });
      },
      onProblem: (problem) => setState((old) => ({ ...old, problem })),
    });
    return () => {
      following.current.stop();
      following.current = null;
    };
  }, [ticket_id]);
  return { ...state, change };
}

// Changes with every message and with what becomes of the last ones: either may move the price.
function pulseOf(messages) {
  const last = (messages ?? []).slice(-3);
  return last.map((one) => `${one.message_id} ${one.charge?.state ?? ""}`).join();
}

function whyUnreachable({ conversation, bot }) {
  if (!conversation.is_current) return t("composer.not_current");
  if (bot.state !== "connected") return t("composer.bot_disconnected");
  if (!conversation.is_subscribed) return t("composer.unsubscribed");
  return null;
}
