// Sending once more what failed or what nobody knows the end of, at a price that was seen.

import { html, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { cost, isZero } from "./money.js";
import { outbox, partsOf, resent, sendAgain } from "./outbox.js";
import { kindOf, quoteOf } from "./quotes.js";
import { Confirm, explain, showToast, useAct } from "./widgets.js";

// Asks first where there is a `text` that says what may happen, or where it costs something.
export function Again({ message, verb, testid, title = verb, text = null }) {
  const [asked, setAsked] = useState(null);
  const { busy, run } = useAct(async () => {
    const quote = await priceOf(message);
    if (!quote) return;
    if (text || !isZero(quote.price)) setAsked(quote);
    else sendAgain(message, quote.price);
  });
  if (resent.value.has(message.message_id)) {
    return html`<p class="resent">${t("message.resent")}</p>`;
  }
  const isGoing = busy || outbox.value.some((one) => one.retry_of === message.message_id);
  const words = [
    text,
    asked && !isZero(asked.price) && t("meter.again_costs", { price: cost(asked.price) }),
  ];
  return html`
    <button type="button" disabled=${isGoing} data-testid=${testid} onClick=${run}>${verb}</button>
    ${asked &&
    html`<${Confirm}
      title=${title}
      text=${words.filter(Boolean).join(" ")}
      verb=${verb}
      danger=${false}
      onYes=${async () => void sendAgain(message, asked.price)}
      onClose=${() => setAsked(null)}
    />`}
  `;
}

// What it costs now; null where it cannot be sent, or nobody can tell, which is said.
async function priceOf(message) {
  try {
    const quote = await quoteOf(message.ticket_id, partsOf(message));
    if (!quote.refusal) return quote;
    showToast(told("problem", kindOf(quote.refusal)) ?? quote.refusal.detail, "bad");
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    showToast(explain(problem), "bad");
  }
  return null;
}
