// What the next reply costs, and how far the session or free window has gone.

import { html, useEffect, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { cost, count, isZero } from "./money.js";
import { kindOf } from "./quotes.js";
import { isAdmin } from "./session.js";
import { to } from "./routes.js";
import { countryName, lengthOf, now } from "./times.js";

// From when on a limit is near.
const NEAR_MS = 30 * 60_000;
const NEAR_SENT = 5;
const NEAR_UNANSWERED = 2;
const TICK_MS = 15_000;

export function Meter({ quoted }) {
  const { quote, problem, renew } = quoted;
  useTick();
  if (!quote && problem) {
    return html`<p class="meter" data-testid="meter" data-kind="unknown">
      <span class="wrong">${t("meter.unknown")}</span>
      <button type="button" class="quiet" onClick=${renew}>${t("common.try_again")}</button>
    </p>`;
  }
  if (!quote) {
    return html`<p class="meter" data-testid="meter" data-kind="">
      <span class="hint">${t("meter.asking")}</span>
    </p>`;
  }
  const kind = quote.refusal ? "refused" : kindsOf(quote)[0];
  return html`<div
    class=${`meter ${quote.refusal ? "refused" : isZero(quote.price) ? "free" : "paid"}`}
    data-testid="meter"
    data-kind=${kind}
    data-price=${quote.price?.amount ?? ""}
  >
    <p class="meter-price" role="status">
      ${quote.refusal ? html`<${Refused} quote=${quote} />` : html`<${Price} quote=${quote} />`}
    </p>
    <${Limits} quote=${quote} />
  </div>`;
}

function Price({ quote }) {
  const kinds = kindsOf(quote);
  const words = kinds.map((kind) => told("price", kind) ?? kind).join(", ");
  const isAbroad = kinds.includes("bot-initiated") && quote.country;
  return html`<b class="money" data-testid="meter-cost">
      ${isZero(quote.price) ? t("meter.free") : cost(quote.price)}
    </b>
    <span>${words}${isAbroad && ` · ${countryName(quote.country)}`}</span>`;
}

// The way out depends on the reason: money, a plan, another type.
function Refused({ quote }) {
  const { detail } = quote.refusal;
  const kind = kindOf(quote.refusal);
  const isMoney = ["insufficient-funds", "owing"].includes(kind);
  const way = isMoney ? [to.money, t("top_up.title")] : WAYS[kind]?.();
  return html`<b>${t("meter.refused")}</b>
    <span title=${detail}>
      ${told("problem", kind) ?? detail}
      ${isMoney &&
      quote.price &&
      ` ${t("meter.short", { price: cost(quote.price), available: cost(quote.available) })}`}
    </span>
    ${way && isAdmin() && html`<a href=${way[0]}>${way[1]}</a>`}`;
}

const request = () => [to.money, t("money.title")];
const WAYS = {
  "quota-used": request,
  "no-plan": request,
  "bot-deactivated": request,
  "bot-ended": request,
};

function Limits({ quote }) {
  const { meter, quota } = quote;
  const limits = [...(meter ? limitsOf(meter) : []), ...(quota ? [quotaOf(quota)] : [])];
  if (limits.length === 0) return null;
  return html`<ul class="limits" data-testid="limits">
    ${limits.map(
      ({ name, text, isNear }) =>
        html`<li
          key=${name}
          class=${isNear ? "near" : ""}
          data-testid=${`limit-${name}`}
          data-near=${String(isNear)}
        >
          ${isNear && html`<span class="hidden">${t("meter.near")} </span>`}${text}
        </li>`,
    )}
  </ul>`;
}

function limitsOf({ kind, state, ends_at, sent, sent_max, unanswered, unanswered_max }) {
  const left_ms = Math.max(0, Date.parse(ends_at) - now().getTime());
  const left = lengthOf(left_ms);
  const isOpen = kind === "business" && state === "open";
  const text = state === "waiting" && kind === "business"
    ? t("meter.waits", { left })
    : t("meter.left", { left });
  const limits = [{ name: "time", text, isNear: left_ms <= NEAR_MS }];
  if (isOpen && sent_max !== null) {
    const isNear = sent_max - sent <= NEAR_SENT;
    limits.push({ name: "sent", text: t("meter.sent", { sent, max: sent_max }), isNear });
  }
  if (isOpen && unanswered_max !== null) {
    const isNear = unanswered_max - unanswered <= NEAR_UNANSWERED;
    const words = t("meter.unanswered", { unanswered, max: unanswered_max });
    limits.push({ name: "unanswered", text: words, isNear });
  }
  return limits;
}

function quotaOf({ used, limit }) {
  const text = t("meter.quota", { used: count(used), limit: count(limit) });
  return { name: "quota", text, isNear: used >= limit * 0.9 };
}

// The kinds of the parts, each once, what costs most first.
function kindsOf({ parts }) {
  const order = ["renews-session", "opens-session", "bot-initiated", "legacy"];
  const place = (kind) => (order.includes(kind) ? order.indexOf(kind) : order.length);
  const kinds = [...new Set(parts.map((part) => part.kind))];
  return kinds.sort((one, other) => place(one) - place(other));
}

function useTick() {
  const [, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((old) => old + 1), TICK_MS);
    return () => clearInterval(timer);
  }, []);
}
