// The list of tickets as it lives: the followed first page and what was loaded below it.

import { signal, useEffect } from "./view.js";
import { get, patch } from "./api.js";
import { follow } from "./live.js";
import { whenLeft } from "./session.js";

const PAGE = 50;
const ENOUGH = 12;
const LOOKS = 5;
const NO_FILTERS = { view: "active", status: "", assignee_id: "", bot_id: "" };

export const filters = signal(NO_FILTERS);
export const list = signal({ items: null, cursor: null, busy: false, problem: null });

let following = null;

whenLeft(() => {
  filters.value = NO_FILTERS;
  list.value = { items: null, cursor: null, busy: false, problem: null };
});

export function setFilter(name, value) {
  filters.value = { ...filters.value, [name]: value, ...(name === "view" && { status: "" }) };
}

// Follows the tickets under the chosen filters while the calling component is shown.
export function useTickets(isShown) {
  const chosen = filters.value;
  useEffect(() => {
    if (!isShown) return undefined;
    list.value = { items: null, cursor: null, busy: false, problem: null };
    following = follow("tickets", {
      query: { ...chosen, limit: PAGE },
      onData: (page) => {
        list.value = foldHead(list.value, page);
        if (!list.value.busy) lookFurther(chosen);
      },
      onProblem: (problem) => {
        list.value = { ...list.value, problem };
      },
    });
    return () => {
      following.stop();
      following = null;
    };
  }, [chosen, isShown]);
}

// Changes a ticket and shows the change everywhere at once.
export async function changeTicket(ticket_id, change) {
  const ticket = await patch(`tickets/${encodeURIComponent(ticket_id)}`, change);
  const items = list.value.items?.map((old) => (old.ticket_id === ticket_id ? ticket : old));
  if (items) list.value = { ...list.value, items };
  following?.nudge();
  return ticket;
}

export async function loadMore() {
  const chosen = filters.value;
  const { cursor } = list.value;
  list.value = { ...list.value, busy: true };
  try {
    const page = await get("tickets", { ...chosen, limit: PAGE, cursor });
    if (chosen === filters.value) list.value = addBelow(list.value, page);
  } catch (problem) {
    if (chosen === filters.value) list.value = { ...list.value, busy: false, problem };
  }
}

// A filtered page may be short or empty though more follows: look on until there is a screenful.
async function lookFurther(chosen) {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    if (filters.value !== chosen || !list.value.cursor || list.value.problem) return;
    if (list.value.items.length >= ENOUGH) return;
    await loadMore();
  }
}

// Puts a new first page over the list. What is older than the page stays below it, if pages were
// loaded there; what is newer and not in the page has left the filter.
export function foldHead(old, page) {
  const fresh = new Set(page.items.map((ticket) => ticket.ticket_id));
  const edge = page.items.length ? wordAt(page.items.at(-1)) : null;
  const isLower = (ticket) => edge === null || wordAt(ticket) <= edge;
  const below =
    old.is_deep && page.next_cursor
      ? old.items.filter((ticket) => !fresh.has(ticket.ticket_id) && isLower(ticket))
      : [];
  const is_deep = Boolean(old.is_deep && page.next_cursor);
  return {
    items: [...page.items, ...below],
    cursor: is_deep ? old.cursor : page.next_cursor,
    is_deep,
    busy: old.busy,
    problem: null,
  };
}

export function addBelow(old, page) {
  const known = new Set(old.items.map((ticket) => ticket.ticket_id));
  const items = page.items.filter((ticket) => !known.has(ticket.ticket_id));
  return {
    items: [...old.items, ...items],
    cursor: page.next_cursor,
    is_deep: true,
    busy: false,
    problem: null,
  };
}

const wordAt = (ticket) => ticket.last_inbound_at ?? ticket.created_at;
