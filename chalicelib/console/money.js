// Money in words, and amounts read from what a person typed.

import { language } from "./i18n.js";

export const CURRENCY = "EUR";
const LOCALES = { uk: "uk-UA", ru: "ru-RU", ro: "ro-RO", en: "en-GB" };
const AMOUNT = /^(\d{1,12})(?:[.,](\d+))?$/;
const DECIMALS_MOST = 6;
const MINUS = "−";
const formats = new Map();

// `{amount, currency}` as 0,0196 EUR: with its currency always, and never rounded.
export const cost = (money) => (money ? format(money, DECIMALS_MOST) : "");

// What nobody can know to more than a cent; less than half of one is nothing, of either sign.
export const estimate = ({ amount, currency }) =>
  format({ amount: Math.round(Number(amount) * 100) / 100 || 0, currency }, 2);

function format(money, decimals) {
  const key = `${language.value} ${money.currency} ${decimals}`;
  if (!formats.has(key)) {
    const options = {
      style: "currency",
      currency: money.currency,
      currencyDisplay: "code",
      minimumFractionDigits: 2,
      maximumFractionDigits: decimals,
    };
    formats.set(key, new Intl.NumberFormat(LOCALES[language.value], options));
  }
  return formats.get(key).format(Number(money.amount)).replace("-", MINUS);
}

// The same with a plus before what came in.
export const change = (money) => (Number(money.amount) > 0 ? `+${cost(money)}` : cost(money));

export const micros = (money) => Math.round(Number(money?.amount ?? 0) * 1_000_000);
export const money = (whole) => ({ amount: String(whole / 1_000_000), currency: CURRENCY });
export const sum = (monies) => money(monies.reduce((all, one) => all + micros(one), 0));
export const isZero = (money) => !money || Number(money.amount) === 0;
export const isBelow = (money, other) => Number(money.amount) < Number(other.amount);

// What was typed, as money; null where it is no amount of at most so many decimals. A comma is as
// good as a point, and spaces may part thousands.
export function typed(text, decimals = 2) {
  const parts = AMOUNT.exec(text.replace(/\s/g, ""));
  if (!parts || (parts[2] ?? "").length > decimals) return null;
  const amount = `${parts[1].replace(/^0+(?=\d)/, "")}${parts[2] ? `.${parts[2]}` : ""}`;
  return { amount, currency: CURRENCY };
}

// The same as a person would type it: 50 or 5,50.
export function typeable({ amount }) {
  const options = {
    useGrouping: false,
    minimumFractionDigits: Number.isInteger(Number(amount)) ? 0 : 2,
    maximumFractionDigits: DECIMALS_MOST,
  };
  return new Intl.NumberFormat(LOCALES[language.value], options).format(Number(amount));
}

export const count = (number) => new Intl.NumberFormat(LOCALES[language.value]).format(number);
