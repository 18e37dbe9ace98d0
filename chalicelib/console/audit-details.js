// The details of a change in the account's trail, in words.

import { html } from "./view.js";
import { t, told } from "./i18n.js";
import { botName, personName } from "./directory.js";
import { cost, CURRENCY, money } from "./money.js";
import { dayIn, full, monthName } from "./times.js";

const NONE = "—";
// What is set has the words of the page it is set on.
const SETTINGS = {
  opens_new_ticket: () => t("settings.opens_new_ticket"),
  sends_as_employee: () => t("settings.sends_as_employee"),
  assignee_id: () => t("settings.assignee"),
  participant_ids: () => t("settings.participants"),
  welcome_text: () => t("settings.welcome_text"),
  protects_fees: () => t("set.protects"),
  low_balance: () => t("set.low_balance"),
  runway_days: () => t("set.runway_days"),
  quota_percents: () => t("set.quota"),
  mails: () => t("set.mails"),
  to_admins: () => t("set.to_admins"),
  addresses: () => t("set.addresses"),
};
const VALUES = {
  amount: (text) => cost({ amount: text, currency: CURRENCY }),
  fee: (text) => cost({ amount: text, currency: CURRENCY }),
  bot_id: (id) => botName(id) || id,
  assignee_id: personName,
  participant_ids: personName,
  made_on: (day) => dayIn(day, "UTC"),
  valid_from: full,
  month: monthName,
  role: (word) => told("role", word),
  scopes: (word) => told("scope", word),
  kind: (word) => told("request", word),
  purpose: (word) => told("request", word),
  reason: (word) => told("ended", word),
};

// What is not said is left out; of a setting that was emptied it is said that it is empty.
export function Details({ facts }) {
  const { changes = {}, ...rest } = facts ?? {};
  const given = Object.entries(rest).filter(([, value]) => !isEmpty(value));
  return [...given, ...Object.entries(changes)].map(([stored, value]) => {
    const name = stored.replace(/_micros$/, "");
    const words = isEmpty(value) ? NONE : plain(name, value, stored !== name);
    return html`<span key=${name}><b>${label(name)}:</b> <bdi>${words}</bdi></span>`;
  });
}

const isEmpty = (value) => value === null || value === "" || value?.length === 0;

const label = (name) =>
  told("detail", name) ?? told("fact", name) ?? SETTINGS[name]?.() ?? name;

function plain(name, value, isMicros) {
  if (Array.isArray(value)) return value.map((each) => plain(name, each, isMicros)).join("; ");
  if (isMicros) return cost(money(value));
  if (value === true) return t("common.yes");
  if (value === false) return t("common.no");
  return VALUES[name]?.(value) ?? (typeof value === "object" ? JSON.stringify(value) : value);
}
