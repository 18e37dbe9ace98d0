// Replies on their way to the server, and drafts. Memory only: nothing personal is stored.

import { signal } from "./view.js";
import { newKey, post } from "./api.js";
import { whenLeft } from "./session.js";

const STILL_RUNNING_WAIT_MS = 2_000;
const STILL_RUNNING_TRIES = 6;
const EMPTY = { text: "", attachments: [], notify: true };

// {key, ticket_id, parts, notify, agreed_price, retry_of, problem, draft,
//  state: sending | stuck | refused}
export const outbox = signal([]);

// Messages the server has just taken, for the thread that shows their ticket.
export const taken = signal(null);

// Ids of failed or unknown messages that were sent again from here.
export const resent = signal(new Set());

const drafts = signal({});

whenLeft(() => {
  outbox.value = [];
  taken.value = null;
  resent.value = new Set();
  drafts.value = {};
});

export const draftOf = (ticket_id) => drafts.value[ticket_id] ?? EMPTY;

export function setDraft(ticket_id, change) {
  const draft = { ...draftOf(ticket_id), ...change };
  drafts.value = { ...drafts.value, [ticket_id]: draft };
}

export const hasUnsent = () =>
  outbox.value.length > 0 ||
  Object.values(drafts.value).some((draft) => draft.text.trim() || draft.attachments.length > 0);

// Puts a reply on its way under a key of its own; it stays in the outbox until the server has
// taken it, and every further try carries the same key.
export function reply(ticket_id, wish) {
  const key = newKey();
  const { parts, notify, agreed_price = null, draft = null, retry_of = null } = wish;
  const one = { key, ticket_id, parts, notify, agreed_price, draft, retry_of };
  outbox.value = [...outbox.value, { ...one, state: "sending", problem: null }];
  return deliver(key);
}

// Sends what was refused for its price, at the price that was told instead.
export function agree(key, agreed_price) {
  const another = newKey();
  change(key, { key: another, agreed_price });
  return deliver(another);
}

export async function deliver(key) {
  change(key, { state: "sending", problem: null });
  const { ticket_id, parts, notify, agreed_price, retry_of } = find(key);
  const body = { parts, notify, ...(agreed_price ? { agreed_price } : {}) };
  try {
    const { messages } = await push(ticket_id, body, key);
    drop(key);
    if (retry_of) resent.value = new Set([...resent.value, retry_of]);
    taken.value = { ticket_id, messages };
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    const isOpen = problem.is_passing || problem.kind === "still-running" || problem.status === 401;
    change(key, { state: isOpen ? "stuck" : "refused", problem });
  }
}

export function drop(key) {
  outbox.value = outbox.value.filter((one) => one.key !== key);
}

// Takes a refused reply back into the composer; what was being written there stays below it.
export function takeBack(key) {
  const { ticket_id, draft, notify } = find(key);
  const now = draftOf(ticket_id);
  const text = [draft.text, now.text].filter((piece) => piece.trim()).join("\n");
  setDraft(ticket_id, { text, attachments: [...draft.attachments, ...now.attachments], notify });
  drop(key);
}

// The same content as a new reply, at a price that was seen; null when it is on its way already.
export function sendAgain(message, agreed_price) {
  if (outbox.value.some((one) => one.retry_of === message.message_id)) return null;
  const parts = partsOf(message);
  const retry_of = message.message_id;
  return reply(message.ticket_id, { parts, notify: true, agreed_price, retry_of });
}

export const partsOf = (message) => [withoutNulls(message.content)];

// The first request with this key may still be running; its answer is worth waiting for.
async function push(ticket_id, body, key) {
  const path = `tickets/${encodeURIComponent(ticket_id)}/messages`;
  for (let tries = 1; ; tries += 1) {
    try {
      return await post(path, body, { key });
    } catch (problem) {
      if (problem.kind !== "still-running" || tries >= STILL_RUNNING_TRIES) throw problem;
      await new Promise((go) => setTimeout(go, STILL_RUNNING_WAIT_MS));
    }
  }
}

const find = (key) => outbox.value.find((one) => one.key === key) ?? {};

function change(key, alter) {
  outbox.value = outbox.value.map((one) => (one.key === key ? { ...one, ...alter } : one));
}

function withoutNulls(content) {
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value !== null));
}

// What got stuck without network goes on by itself when the network is back.
addEventListener("online", () => {
  for (const { key, state, problem } of outbox.value) {
    if (state === "stuck" && problem.status === 0) deliver(key);
  }
});

addEventListener("beforeunload", (event) => {
  if (hasUnsent()) event.preventDefault();
});
