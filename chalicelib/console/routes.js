// Where we are: the page named by the hash of the address.

import { signal } from "./vendor/preact-signals.js";

const VIBER = "/account/integrations/messengers/viber";

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
  ["/accounts", "accounts"],
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
  accounts: "#/accounts",
};

export function go(hash) {
  location.hash = hash;
}

addEventListener("hashchange", () => {
  route.value = read();
});

function read() {
  const path = location.hash.replace(/^#/, "").replace(/\?.*$/, "").replace(/(.)\/$/, "$1") || "/";
  for (const [pattern, page] of patterns) {
    const given = fit(pattern, path);
    if (given) return { page, path, ...given };
  }
  return { page: "nowhere", path };
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
