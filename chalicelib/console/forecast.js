// What-if: the account's money played forward month by month, with changes to try.

import { html, useEffect, useState } from "./view.js";
import { post } from "./api.js";
import { t, told } from "./i18n.js";
import { count, estimate, typed } from "./money.js";
import { dayIn, monthName, startOf } from "./times.js";
import { Field, Loading, problemAt, Refusal, TextField, useAct } from "./widgets.js";
import { Chart } from "./chart.js";
import { Table } from "./table.js";

const MONTHS_MOST = 12;
const CALM = { months: 3, pace: "100", daily: "", bots: "0", amount: "", day: "" };

export function ForecastPage() {
  const [wish, setWish] = useState(CALM);
  const [found, setFound] = useState(null);
  const [wrong, setWrong] = useState(null);
  const { busy, problem, run } = useAct(async (body) => setFound(await post("forecast", body)));
  useEffect(() => {
    run(bodyOf(CALM));
  }, []);
  const set = (name) => (value) => {
    setWish({ ...wish, [name]: value });
    setWrong(null);
  };
  const submit = (event) => {
    event.preventDefault();
    const trouble = wrongIn(wish);
    setWrong(trouble);
    if (!trouble) run(bodyOf(wish));
  };
  return html`
    <section class="block">
      <h2>${t("forecast.title")}</h2>
      <p class="hint">${t("forecast.hint")}</p>
      <${Wishes} ...${{ wish, set, submit, busy, problem: wrong }} />
      <${Refusal} problem=${problem} />
    </section>
    ${!found && !problem && html`<${Loading} />`}
    ${found && html`<${Found} found=${found} />`}
  `;
}

function Wishes({ wish, set, submit, busy, problem }) {
  const months = (ties) => html`<input
    ...${ties}
    type="range"
    min="1"
    max=${MONTHS_MOST}
    step="1"
    value=${wish.months}
    data-testid="forecast-months"
    onInput=${(event) => set("months")(Number(event.currentTarget.value))}
  />`;
  const field = (name, label, more = {}) => html`<${TextField}
    ...${{ name, label, ...more }}
    value=${wish[name]}
    autocomplete="off"
    problem=${problemAt(problem, name)}
    onValue=${set(name)}
    testid=${`forecast-${name}`}
  />`;
  return html`<form onSubmit=${submit} novalidate>
    <div class="narrowing">
      <${Field} label=${t("forecast.months", { count: count(wish.months) })} control=${months} />
      ${field("pace", t("forecast.pace"), { inputmode: "decimal", hint: t("forecast.pace_hint") })}
      ${field("daily", t("forecast.daily"), { inputmode: "decimal", hint: t("forecast.daily_hint") })}
      ${field("bots", t("forecast.bots"), { inputmode: "numeric" })}
      ${field("amount", t("forecast.top_up"), { inputmode: "decimal" })}
      ${field("day", t("forecast.top_up_day"), { type: "date" })}
    </div>
    <div class="actions">
      <button type="submit" class="primary" disabled=${busy} data-testid="forecast-run">
        ${busy ? t("common.waiting") : t("forecast.run")}
      </button>
    </div>
  </form>`;
}

function Found({ found }) {
  const { months, days, events, legacy, out_at, until, time_zone: zone } = found;
  const number = (text) => ({ text, isNumber: true });
  return html`
    <section class="block" data-testid="forecast">
      <p
        class=${`notice ${out_at ? "bad" : "good"}`}
        role="status"
        data-testid="forecast-verdict"
        data-out=${out_at ?? ""}
      >
        ${out_at
          ? t("forecast.out", { day: dayIn(out_at, zone), zone })
          : t("forecast.enough", { day: dayIn(until, zone), zone })}
      </p>
      <${Chart} days=${days} />
      <p class="hint">${t("forecast.days_known", { days: count(found.days_known) })}</p>
      <${Table}
        title=${t("forecast.by_month")}
        heads=${[
          t("forecast.month"), number(t("forecast.spent")), number(t("forecast.fees")),
          number(t("forecast.top_ups")), number(t("balance.available")),
          number(t("balance.set_aside")),
        ]}
        rows=${months.map((row) => ({
          key: row.name,
          "data-testid": "forecast-month",
          cells: [
            monthName(row.name), estimate(row.spent), estimate(row.fees), estimate(row.top_ups),
            estimate(row.available), estimate(row.set_aside),
          ],
        }))}
      />
    </section>
    ${events.length > 0 && html`<${Events} ...${{ events, zone }} />`}
    ${legacy.length > 0 && html`<${Legacy} legacy=${legacy} />`}
  `;
}

function Events({ events, zone }) {
  return html`<section class="block">
    <h2>${t("forecast.events")}</h2>
    <ul class="lines">
      ${events.map(
        (event, place) => html`<li key=${place} data-testid="forecast-event" data-kind=${event.kind}>
          <div class="line-head">
            <span>${dayIn(event.at, zone)}</span>
            <b>${told("event", event.kind) ?? event.kind}</b>
            ${event.bot_name && html`<bdi>${event.bot_name}</bdi>`}
            ${Number(event.amount.amount) !== 0 && html`<span>${estimate(event.amount)}</span>`}
          </div>
        </li>`,
      )}
    </ul>
    <p class="hint">${t("report.zone", { zone })}</p>
  </section>`;
}

function Legacy({ legacy }) {
  return html`<section class="block">
    <h2>${t("forecast.legacy")}</h2>
    <ul class="lines">
      ${legacy.map(
        (one) => html`<li key=${one.bot_id}>
          <b><bdi>${one.bot_name}</bdi></b>
          <p>${t("plan.used", { used: count(one.used), limit: count(one.limit) })}</p>
          ${one.runs_out_at &&
          html`<p class="wrong">
            ${t("forecast.legacy_out", { day: dayIn(one.runs_out_at, "UTC") })}
          </p>`}
          ${one.commercial_month &&
          html`<p class="hint">
            ${t("forecast.legacy_cost", { amount: estimate(one.commercial_month) })}
          </p>`}
        </li>`,
      )}
    </ul>
  </section>`;
}

const numberIn = (text) => (/^\d+([.,]\d+)?$/.test(text.trim()) ? Number(text.replace(",", ".")) : NaN);

function wrongIn({ pace, daily, bots, amount, day }) {
  if (!(numberIn(pace) <= 10_000)) return { field: "pace", text: t("forecast.no_number") };
  if (daily.trim() && !typed(daily)) return { field: "daily", text: t("top_up.wrong") };
  if (!(numberIn(bots) <= 50)) return { field: "bots", text: t("forecast.no_number") };
  if (amount.trim() && !typed(amount)) return { field: "amount", text: t("top_up.wrong") };
  if (amount.trim() && !day) return { field: "day", text: t("form.empty") };
  return null;
}

function bodyOf({ months, pace, daily, bots, amount, day }) {
  const at = day && new Date(Date.parse(startOf(day)) + 12 * 3_600_000).toISOString();
  return {
    months,
    changes: {
      top_ups: amount.trim() ? [{ at, amount: typed(amount) }] : [],
      new_bots: Math.trunc(numberIn(bots)),
      pace_factor: numberIn(pace) / 100,
      daily_spend: daily.trim() ? typed(daily) : null,
    },
  };
}
