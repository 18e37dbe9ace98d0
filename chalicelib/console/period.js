// The filters that statements and reports share: a period by days, a bot.

import { html } from "./view.js";
import { t } from "./i18n.js";
import { bots } from "./directory.js";
import { dayAfter, dayOf, now } from "./times.js";
import { Choice, Field, TextField } from "./widgets.js";

// This month so far, both days included.
export function thisMonth() {
  const today = dayOf(now());
  return { from: `${today.slice(0, 8)}01`, to: today };
}

// The same for the API, where a period ends before a day.
export const asAsked = ({ from, to }) => ({ from, to: to ? dayAfter(to) : "" });

export function PeriodFields({ period, onPeriod }) {
  const field = (name, label) => html`<${TextField}
    type="date"
    label=${label}
    min="2020-01-01"
    max="2999-12-31"
    value=${period[name]}
    testid=${`period-${name}`}
    onValue=${(day) => onPeriod({ ...period, [name]: day })}
  />`;
  return html`${field("from", t("period.from"))}${field("to", t("period.to"))}`;
}

export function Filter({ label, value, options, onValue, testid }) {
  const control = (ties) => html`<${Choice}
    ...${ties}
    ...${{ value, onValue, testid }}
    options=${[["", t("inbox.any")], ...options]}
  />`;
  return html`<${Field} ...${{ label, control }} />`;
}

export function BotFilter({ value, onValue }) {
  const options = bots.value.map((bot) => [bot.bot_id, bot.name]);
  return html`<${Filter}
    label=${t("inbox.bot")}
    ...${{ value, onValue, options }}
    testid="filter-bot"
  />`;
}
