// The talk of one ticket: followed at its end, loaded further back on demand, newest at the bottom.

import { Fragment, html, useEffect, useLayoutEffect, useRef, useState } from "./view.js";
import { get } from "./api.js";
import { t } from "./i18n.js";
import { follow } from "./live.js";
import { outbox, taken } from "./outbox.js";
import { dayOf, longDay } from "./times.js";
import { Icon } from "./icons.js";
import { Loading, More, PageProblem, say } from "./widgets.js";
import { Message, Pending } from "./message.js";
import { useOpenedSessions } from "./opened-sessions.js";

const PAGE = 50;
const GAP_PAGES = 5;
const NEAR_END_PX = 80;
const EMPTY = { messages: null, cursor: null, busy: false, problem: null };

// {messages, cursor, busy, problem, more}: oldest first; `messages` is null until they are here.
export function useThread(ticket_id) {
  const path = `tickets/${encodeURIComponent(ticket_id)}/messages`;
  const [state, setState] = useState(EMPTY);
  const following = useRef(null);

  useEffect(() => {
    let known = null;
    let isOver = false;
    setState(EMPTY);
    // More than a page may have come between two looks; then the gap is read too.
    const take = async (page) => {
      const pages = [page];
      const meets = (one) => one.items.some((message) => known.has(message.message_id));
      while (known?.size && !meets(pages.at(-1)) && pages.at(-1).next_cursor) {
        if (pages.length > GAP_PAGES) break;
        pages.push(await get(path, { limit: PAGE, cursor: pages.at(-1).next_cursor }));
      }
      if (isOver) return;
      known = new Set([...(known ?? []), ...pages.flatMap((one) => one.items.map(idOf))]);
      setState((old) => ({
        ...old,
        messages: merge(...pages.map((one) => one.items), old.messages ?? []),
        cursor: old.messages ? old.cursor : page.next_cursor,
        problem: null,
      }));
    };
    following.current = follow(path, {
      query: { limit: PAGE },
      onData: (page) => take(page).catch((problem) => setState((old) => ({ ...old, problem }))),
      onProblem: (problem) => setState((old) => ({ ...old, problem })),
    });
    return () => {
      isOver = true;
      following.current.stop();
    };
  }, [ticket_id]);

  useEffect(() => {
    if (taken.value?.ticket_id !== ticket_id) return;
    const { messages } = taken.value;
    // A look that came meanwhile knows more than the answer to the sending.
    setState((old) =>
      old.messages ? { ...old, messages: merge(old.messages, messages) } : old,
    );
    following.current.nudge();
  }, [taken.value]);

  const more = async () => {
    setState((old) => ({ ...old, busy: true }));
    try {
      const page = await get(path, { limit: PAGE, cursor: state.cursor });
      setState((old) => ({
        ...old,
        messages: merge(old.messages, page.items),
        cursor: page.next_cursor,
        busy: false,
      }));
    } catch (problem) {
      setState((old) => ({ ...old, busy: false, problem }));
    }
  };
  return { ...state, more };
}

export function Thread({ ticket_id, thread, contactName }) {
  const pending = outbox.value.filter((one) => one.ticket_id === ticket_id);
  const { box, list, isAway, toEnd } = useEnd(thread.messages, pending.length);
  useAnnouncedWords(thread.messages, contactName);
  const sessions = useOpenedSessions(ticket_id, thread.messages);
  if (!thread.messages) {
    return html`<div class="thread" ref=${box}>
      ${thread.problem ? html`<${PageProblem} problem=${thread.problem} />` : html`<${Loading} />`}
    </div>`;
  }
  return html`<div class="thread-frame">
    <div class="thread" ref=${box} data-testid="thread" tabindex="0" aria-label=${t("thread.title")}
      role="region">
      <div ref=${list} class="thread-list">
        <${More} list=${thread} label=${t("thread.older")} />
        ${thread.messages.length === 0 &&
        pending.length === 0 &&
        html`<p class="empty">${t("thread.empty")}</p>`}
        ${thread.messages.map((message, index) => {
          const before = thread.messages[index - 1];
          const isNewDay = !before || dayOf(before.at) !== dayOf(message.at);
          return html`<${Fragment} key=${message.message_id}>
            ${isNewDay && html`<p class="day"><span>${longDay(message.at)}</span></p>`}
            <${Message}
              message=${message}
              contactName=${contactName}
              session=${sessions[message.charge?.session_id]}
              isSameVoice=${!isNewDay && isSameVoice(before, message)}
            />
          <//>`;
        })}
        ${pending.map((one) => html`<${Pending} key=${one.key} one=${one} />`)}
      </div>
    </div>
    ${isAway &&
    html`<button type="button" class="to-end" data-testid="to-end" onClick=${toEnd}>
      <${Icon} name="down" /> ${t("thread.newest")}
    </button>`}
  </div>`;
}

// Keeps the end in sight while the reader is there, and his place while older words come above.
function useEnd(messages, pendingCount) {
  const box = useRef(null);
  const list = useRef(null);
  const place = useRef({ isAtEnd: true, first: null, height: 0 });
  const [isAway, setAway] = useState(false);
  const toEnd = () => {
    box.current.scrollTop = box.current.scrollHeight;
  };

  useLayoutEffect(() => {
    const first = messages?.[0]?.message_id ?? null;
    const { height, first: firstBefore, isAtEnd } = place.current;
    if (isAtEnd) toEnd();
    else if (firstBefore && first !== firstBefore) {
      box.current.scrollTop += box.current.scrollHeight - height;
    }
    place.current.first = first;
    place.current.height = box.current.scrollHeight;
  }, [messages]);

  // One's own words are always brought into sight.
  useLayoutEffect(() => {
    if (pendingCount > 0) toEnd();
  }, [pendingCount]);

  // A layout effect, for its end comes before the elements go; that of others comes later.
  useLayoutEffect(() => {
    const element = box.current;
    if (!list.current) return undefined;
    const look = () => {
      const below = element.scrollHeight - element.scrollTop - element.clientHeight;
      place.current.isAtEnd = below < NEAR_END_PX;
      setAway(!place.current.isAtEnd);
    };
    // Pictures grow when they are loaded.
    const grown = new ResizeObserver(() => {
      if (place.current.isAtEnd) toEnd();
      place.current.height = element.scrollHeight;
    });
    grown.observe(list.current);
    grown.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      grown.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [messages !== null]);
  return { box, list, isAway, toEnd };
}

function useAnnouncedWords(messages, contactName) {
  const last = useRef(null);
  useEffect(() => {
    if (!messages) return;
    const inbound = messages.filter((message) => message.kind === "inbound");
    const newest = inbound.at(-1);
    const isFirstLook = last.current === null;
    const isNew = newest && newest.message_id !== last.current;
    last.current = newest?.message_id ?? "";
    if (isFirstLook || !isNew) return;
    const name = contactName || t("contact.unnamed");
    say(t("thread.news", { name, text: newest.content.text ?? "" }));
  }, [messages]);
}

// Earlier lists win over later ones where both hold a message.
export function merge(...lists) {
  const byId = new Map();
  for (const list of lists.reverse()) for (const one of list) byId.set(one.message_id, one);
  return [...byId.values()].sort(
    (one, other) => order(one.at, other.at) || order(one.message_id, other.message_id),
  );
}

const idOf = (message) => message.message_id;
const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

const isSameVoice = (before, message) =>
  before?.kind === message.kind &&
  before.author.kind === message.author.kind &&
  before.author.person_id === message.author.person_id &&
  before.author.name === message.author.name;
