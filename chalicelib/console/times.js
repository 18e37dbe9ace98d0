// Instants, sizes and names of countries in the chosen language and the account's time zone.

import { signal } from "./vendor/preact-signals.js";
import { language } from "./i18n.js";

const LOCALES = { uk: "uk-UA", ru: "ru-RU", ro: "ro-RO", en: "en-GB" };
const ISO_DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const DAY_MS = 86_400_000;
const formats = new Map();

// How far the server's clock is from the browser's; "today" is the server's.
let ahead_ms = 0;

export const zone = signal(undefined);

export function setClock({ time_zone, now }) {
  ahead_ms = now ? Date.parse(now) - Date.now() : 0;
  zone.value = isZone(time_zone) ? time_zone : undefined;
}

export const now = () => new Date(Date.now() + ahead_ms);

// The hour alone for today, the day for this year, else the date.
export function brief(instant) {
  const at = new Date(instant);
  if (dayOf(at) === dayOf(now())) return clock(instant);
  const isThisYear = dayOf(at).slice(0, 4) === dayOf(now()).slice(0, 4);
  const options = isThisYear ? { day: "numeric", month: "short" } : { dateStyle: "short" };
  return format("day", options, at);
}

export const clock = (instant) => format("clock", { timeStyle: "short" }, new Date(instant));
export const full = (instant) =>
  format("full", { dateStyle: "medium", timeStyle: "short" }, new Date(instant));
export const longDay = (instant) =>
  format("long", { weekday: "long", day: "numeric", month: "long" }, new Date(instant));

// A day of another calendar than the account's own; whoever shows it names the zone.
export const dayIn = (instant, time_zone) =>
  format("day in", { dateStyle: "long" }, new Date(instant), undefined, time_zone);
export const fullIn = (instant, time_zone) =>
  format("full in", { dateStyle: "long", timeStyle: "short" }, new Date(instant), undefined, time_zone);

// A length of time in hours and minutes, or in days.
export function lengthOf(length_ms) {
  const minutes = Math.floor(length_ms / 60_000);
  const parts =
    minutes >= 2880
      ? [[Math.floor(minutes / 1440), "day"]]
      : [
          [Math.floor(minutes / 60), "hour"],
          [minutes % 60, "minute"],
        ].filter(([number], place) => number > 0 || (place === 1 && minutes === 0));
  const told = ([number, unit]) =>
    new Intl.NumberFormat(LOCALES[language.value], {
      style: "unit",
      unit,
      unitDisplay: "short",
    }).format(number);
  return parts.map(told).join(" ");
}

// A month by its name, from 2026-12.
export function monthName(month) {
  const options = { month: "long", year: "numeric" };
  return format("month", options, new Date(`${month}-15T00:00:00Z`), undefined, "UTC");
}

// The instant a day of the account's calendar begins at, from 2026-11-21.
export function startOf(day) {
  const wanted = Date.parse(`${day}T00:00:00Z`);
  const first = wanted - aheadOfUtc(wanted);
  return new Date(wanted - aheadOfUtc(first)).toISOString();
}

// The day so many days after, both as 2026-11-21.
export const dayAfter = (day, count = 1) =>
  new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY_MS).toISOString().slice(0, 10);

// The calendar day of an instant in the account's zone, as 2026-11-21.
export function dayOf(instant) {
  return format("iso", ISO_DAY, new Date(instant), "en-CA");
}

export function size(size_bytes) {
  const steps = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(size_bytes, 1)) / 3), 3);
  return new Intl.NumberFormat(LOCALES[language.value], {
    style: "unit",
    unit: steps[step],
    unitDisplay: "short",
    maximumFractionDigits: step > 1 ? 1 : 0,
  }).format(size_bytes / 1000 ** step);
}

export const countryName = (code) => nameOf("region", code);
export const languageName = (code) => nameOf("language", code);

// Viber gives any string here, so what Intl does not take is shown as it came.
function nameOf(type, code) {
  try {
    return new Intl.DisplayNames(LOCALES[language.value], { type }).of(code);
  } catch {
    return code;
  }
}

// How far the account's clocks are ahead of UTC at an instant.
function aheadOfUtc(at_ms) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone.value,
    hourCycle: "h23",
    ...{ year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric" },
  }).formatToParts(at_ms);
  const at = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second) - at_ms;
}

function format(name, options, at, locale = LOCALES[language.value], timeZone = zone.value) {
  const key = `${name} ${locale} ${timeZone} ${Object.keys(options)}`;
  if (!formats.has(key)) {
    const all = { ...options, timeZone };
    formats.set(key, new Intl.DateTimeFormat(locale, all));
  }
  return formats.get(key).format(at);
}

function isZone(name) {
  try {
    return Boolean(name && new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
