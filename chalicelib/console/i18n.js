// The four languages: which one is chosen, and a text by its key.

import { signal } from "./vendor/preact-signals.js";

export const languages = [
  ["uk", "Українська"],
  ["ru", "Русский"],
  ["ro", "Română"],
  ["en", "English"],
];

// Words of the API that have a text of their own under "<family>.<word>", in every language.
export const families = {
  status: ["new", "accepted", "in_work", "awaiting_answer", "done", "closed", "deleted"],
  role: ["operator", "admin", "agent"],
  type: [
    "text", "picture", "video", "file", "contact", "location", "url", "sticker", "rich_media",
    "unsupported",
  ],
  delivery: ["queued", "sending", "sent", "delivered", "seen", "failed", "unknown", "returned"],
  reason: [
    "expired", "bot-ended", "bot-disconnected", "sending-stopped", "viber-refused",
    "not-connected", "failed-on-device",
  ],
  viber: [
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17",
    "18", "19", "20", "21", "22", "23", "24",
  ],
  bot: ["connecting", "connected", "disconnected", "awaiting_key"],
  webhook: ["ok", "repaired", "broken", "unknown"],
  callback: ["waiting", "replayed", "given_up", "malformed"],
  scope: [
    "tickets:read",
    "tickets:write",
    "bots:read",
    "bots:write",
    "people:read",
    "billing:read",
    "billing:write",
  ],
  // Kinds of entries in the ledger, what they say, and between which places they move money.
  entry: [
    "top-up", "top-up-returned", "dispute", "dispute-won", "deposit", "deposit-returned",
    "activation", "maintenance-fee", "sessions-fee", "set-aside", "set-aside-returned", "message",
    "session", "session-returned", "broadcast", "correction",
  ],
  fact: [
    "month", "purpose", "reason", "protects", "set_aside", "reference", "credited_by", "payment",
    "top_up_id", "kind", "price_kind", "country", "price_list", "message_id", "author_name",
    "accepted_at", "sent_at", "arrived_at", "begun_at", "proof", "step", "lines", "prices", "chunk",
    "session", "asked_for", "corrected_by", "countries",
  ],
  // Why set-aside money came back, or a payment was disputed.
  why: [
    "cancelled", "ended", "credit_not_processed", "duplicate", "fraudulent", "general",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
  ],
  place: ["available", "held", "set-aside"],
  price: [
    "free-window", "in-session", "opens-session", "renews-session", "bot-initiated", "legacy",
  ],
  money: ["held", "posted", "voided", "refunded"],
  session: ["waiting", "open", "closed"],
  session_reason: ["expired", "limit", "unanswered", "lapsed", "plan-changed", "failed"],
  version: ["in-force", "scheduled", "past", "withdrawn"],
  policy_kind: ["business", "free"],
  anchor: ["first", "last"],
  difference: ["not-billed-there", "billed-there", "delivered-unpaid"],
  broadcast: ["planning", "ready", "running", "paused", "stopping", "stopped", "done"],
  pause: ["cap-reached", "viber-no-balance", "paused"],
  skipped: [
    "not-subscribed", "unknown-contact", "other-bot", "duplicate", "no-ticket", "price-risen",
    "stopped",
  ],
  line: ["skipped"],
  // What a forecast foresees.
  event: [
    "fee-paid", "fee-refused", "bot-deactivated", "sessions-off", "bot-ends", "bot-added",
    "request-refused", "top-up", "money-out",
  ],
  warning: [
    "low-balance", "runway", "fee-not-covered", "fee-refused", "bot-deactivated", "sessions-off",
    "legacy-quota", "debt",
  ],
  // What the account's trail tells of, and the details of it.
  action: [
    "API key made", "API key revoked", "account made", "bot claimed as old", "bot connected",
    "bot deactivated", "bot disconnected", "bot is not old", "bot is old", "bot settings changed",
    "broadcast paused", "broadcast planned", "broadcast resumed", "broadcast started",
    "broadcast stopped", "business bot made", "entry corrected", "money settings changed",
    "person invited", "person removed", "price list made", "price list withdrawn",
    "request approved", "request refused", "request sent", "session policy made",
    "session policy withdrawn", "sessions turned off", "sessions turned on",
    "subscription cancelled", "transfer credited",
  ],
  detail: [
    "name", "bot_id", "amount", "fee", "price", "made_on", "kind", "role", "email", "scopes",
    "valid_from",
  ],
  plan: ["legacy", "commercial", "business"],
  fee: ["maintenance-fee", "sessions-fee"],
  ended: ["unpaid", "not-legacy", "turned-off"],
  top_up: ["new", "open", "pending", "paid", "failed", "expired", "review"],
  request: ["new", "move", "revival", "sessions", "legacy"],
  request_state: ["waiting", "approved", "refused"],
  // Viber's form: its fields in their order, then those of other wishes.
  field: [
    "has_read_terms", "first_name", "last_name", "work_email", "country", "company_name",
    "company_website", "has_business_account", "company_type", "inquiry", "text", "made_on",
  ],
  company_type: ["bot_owner", "bot_developer", "reseller", "other"],
  problem: [
    "bad-input", "unauthorized", "forbidden", "not-found", "conflict", "still-running", "too-large",
    "idempotency-key-reused", "too-many-requests", "gateway-failed", "busy", "not-current",
    "not-subscribed", "bot-disconnected", "sending-stopped", "free-messages-used",
    "already-connected", "network", "failed", "insufficient-funds", "owing", "already-credited",
    "already-decided", "another-bot", "bot-deactivated", "bot-ended", "has-a-plan",
    "needs-request", "never-connected", "no-cards", "no-link", "no-plan", "no-price-list", "no-subscription",
    "not-for-this-bot", "price-risen", "quota-used", "request-open", "sessions-on",
    "too-many-broadcasts", "too-many-running", "too-many-top-ups",
    "type-not-in-sessions", "payment-unknown", "wrong-state",
  ],
};

const catalogues = {
  uk: () => [
    import("./texts.uk.js"), import("./texts.money.uk.js"), import("./texts.plans.uk.js"),
  ],
  ru: () => [
    import("./texts.ru.js"), import("./texts.money.ru.js"), import("./texts.plans.ru.js"),
  ],
  ro: () => [
    import("./texts.ro.js"), import("./texts.money.ro.js"), import("./texts.plans.ro.js"),
  ],
  en: () => [
    import("./texts.en.js"), import("./texts.money.en.js"), import("./texts.plans.en.js"),
  ],
};
const REMEMBERED = "viberdesk.language";
const texts = signal({});

export const language = signal("uk");

// The text of `key` in the chosen language, with {names} replaced by `values`.
export function t(key, values = {}) {
  const text = texts.value[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

// The text of a word of the API, or null for a word that has none.
export function told(family, word) {
  return families[family].includes(String(word)) ? t(`${family}.${word}`) : null;
}

// The same as `t`, but {names} may be replaced by markup: gives a list of strings and nodes.
export function woven(key, values) {
  return t(key)
    .split(/(\{\w+\})/)
    .map((piece) => values[piece.slice(1, -1)] ?? piece);
}

export async function choose(code) {
  remember(code);
  await speak(code);
}

// Loads the language remembered, or else the first of the browser's own that we have.
export async function loadLanguage() {
  const wishes = [remembered(), ...navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())];
  await speak(wishes.find((code) => code in catalogues) ?? "uk");
}

async function speak(code) {
  const parts = await Promise.all(catalogues[code]());
  texts.value = Object.assign({}, ...parts.map((part) => part.default));
  language.value = code;
  document.documentElement.lang = code;
}

// Storage may be switched off in the browser; then the choice lasts as long as the page.
function remember(code) {
  try {
    localStorage.setItem(REMEMBERED, code);
  } catch {
    return;
  }
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}
