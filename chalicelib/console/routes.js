// Where we are: the page named by the hash of the address.

import { signal } from "./vendor/preact-signals.js";

const VIBER = "/account/integrations/messengers/viber";
const MONEY = "/me/viber-commercial";

// The first pattern that fits wins; `:name` takes one part of the path.
const patterns = [
  ["/", "home"],
  ["/inbox", "inbox"],
  ["/tickets/:ticket_id", "ticket"],
  ["/account", "integrations"],
  ["/account/integrations", "integrations"],
  ["/account/integrations/messengers", "integrations"],
  [VIBER, "bots"],
  [`${VIBER}/:bot_id`, "bot"],
  ["/account/people", "people"],
  ["/account/api-keys", "keys"],
  ["/account/audit", "audit"],
  [MONEY, "money"],
  [`${MONEY}/requests`, "requests"],
  [`${MONEY}/requests/new`, "request-form"],
  [`${MONEY}/statement`, "statement"],
  [`${MONEY}/statement/:entry_id`, "entry"],
  [`${MONEY}/report`, "report"],
  [`${MONEY}/forecast`, "forecast"],
  [`${MONEY}/settings`, "money-settings"],
  ["/sessions", "sessions"],
  ["/broadcasts", "broadcasts"],
  ["/broadcasts/:broadcast_id", "broadcast"],
  ["/accounts", "accounts"],
  ["/accounts/:account_id", "account"],
  ["/desk/requests", "desk-requests"],
  ["/desk/differences", "differences"],
  ["/prices", "prices"],
  ["/prices/:version", "price-list"],
  ["/session-policies", "policies"],
];

export const route = signal(read());

export const to = {
  inbox: "#/inbox",
  ticket: (ticket_id) => `#/tickets/${encodeURIComponent(ticket_id)}`,
  integrations: "#/account/integrations",
  messengers: "#/account/integrations/messengers",
  bots: `#${VIBER}`,
  bot: (bot_id) => `#${VIBER}/${encodeURIComponent(bot_id)}`,
  people: "#/account/people",
  keys: "#/account/api-keys",
  audit: "#/account/audit",
  money: `#${MONEY}`,
  requests: `#${MONEY}/requests`,
  requestForm: (purpose, bot_id) =>
    `#${MONEY}/requests/new${purpose ? `?${new URLSearchParams({ purpose, bot: bot_id })}` : ""}`,
  statement: `#${MONEY}/statement`,
  entry: (entry_id) => `#${MONEY}/statement/${encodeURIComponent(entry_id)}`,
  report: `#${MONEY}/report`,
  forecast: `#${MONEY}/forecast`,
  moneySettings: `#${MONEY}/settings`,
  sessions: "#/sessions",
  broadcasts: "#/broadcasts",
  broadcast: (broadcast_id) => `#/broadcasts/${encodeURIComponent(broadcast_id)}`,
  accounts: "#/accounts",
  account: (account_id) => `#/accounts/${encodeURIComponent(account_id)}`,
  deskRequests: "#/desk/requests",
  differences: "#/desk/differences",
  prices: "#/prices",
  priceList: (version) => `#/prices/${version}`,
  policies: "#/session-policies",
};

export function go(hash) {
  location.hash = hash;
}

addEventListener("hashchange", () => {
  route.value = read();
});

function read() {
  const [whole, search] = location.hash.replace(/^#/, "").split("?", 2);
  const path = whole.replace(/(.)\/$/, "$1") || "/";
  const query = Object.fromEntries(new URLSearchParams(search ?? ""));
  for (const [pattern, page] of patterns) {
    const given = fit(pattern, path);
    if (given) return { page, path, query, ...given };
  }
  return { page: "nowhere", path, query };
}

function fit(pattern, path) {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  if (wanted.length !== parts.length) return null;
  const given = {};
  for (const [index, want] of wanted.entries()) {
    if (want.startsWith(":") && parts[index]) given[want.slice(1)] = plain(parts[index]);
    else if (want !== parts[index]) return null;
  }
  return given;
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
