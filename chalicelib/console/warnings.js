// What the account is warned of, before it costs a message or a bot.

import { html, useState } from "./view.js";
import { post } from "./api.js";
import { t, told } from "./i18n.js";
import { botName } from "./directory.js";
import { usePages } from "./pages.js";
import { cost, count } from "./money.js";
import { dayIn, full, lengthOf } from "./times.js";
import { useTerms } from "./terms.js";
import { More, Refusal, useAct } from "./widgets.js";

const DAY_MS = 86_400_000;

export function Warnings() {
  const [isPast, setPast] = useState(false);
  const list = usePages("warnings", 20, { state: isPast ? "past" : "active" });
  const isNone = list.items?.length === 0 && !list.cursor;
  if (isNone && !isPast) {
    return html`<p class="hint" data-testid="no-warnings">
      ${t("warning.none")}${" "}
      <button type="button" class="quiet" onClick=${() => setPast(true)}>
        ${t("warning.past")}
      </button>
    </p>`;
  }
  return html`<section class="block" data-testid="warnings">
    <header class="page-head">
      <h2>${isPast ? t("warning.past") : t("warning.title")}</h2>
      <button type="button" class="quiet" onClick=${() => setPast(!isPast)}>
        ${isPast ? t("warning.active") : t("warning.past")}
      </button>
    </header>
    <${Refusal} problem=${list.problem} onRetry=${list.reload} />
    ${isNone && html`<p class="empty small">${t("warning.none_past")}</p>`}
    <ul class="lines">
      ${list.items?.map(
        (one) => html`<${Warning} key=${one.warning_id} warning=${one} onSeen=${list.reload} />`,
      )}
    </ul>
    <${More} list=${list} />
  </section>`;
}

function Warning({ warning, onSeen }) {
  const { warning_id, kind, bot_id, raised_at, cleared_at, seen_at } = warning;
  const { fee_time_zone } = useTerms() ?? {};
  const { busy, problem, run } = useAct(async () => {
    await post(`warnings/${encodeURIComponent(warning_id)}/seen`);
    onSeen();
  });
  return html`<li
    data-testid="warning"
    data-kind=${kind}
    data-state=${cleared_at ? "past" : "active"}
  >
    <div class="line-head">
      <b>${told("warning", kind) ?? kind}</b>
      ${bot_id && html`<bdi>${botName(bot_id)}</bdi>`}
      <time class="hint" datetime=${raised_at}>${full(raised_at)}</time>
    </div>
    <p class=${cleared_at ? "hint" : ""}>${wordsOf(warning, fee_time_zone)}</p>
    <${Refusal} problem=${problem} />
    ${!seen_at &&
    !cleared_at &&
    html`<button type="button" disabled=${busy} data-testid="seen" onClick=${run}>
      ${t("warning.seen")}
    </button>`}
  </li>`;
}

// The line that was crossed: an amount, so many days, or a part of the month's limit.
function lineOf({ line, line_days, line_percent }) {
  if (line) return cost(line);
  // Short days may end with a full stop, as the sentence does.
  if (line_days) return lengthOf(line_days * DAY_MS).replace(/\.$/, "");
  return line_percent ? `${line_percent} %` : null;
}

// The figures of a warning, as it was raised.
function wordsOf({ facts }, zone) {
  const { available, short, owed, fee, out_at, last_at, used, limit } = facts;
  const day = (at) => (zone ? `${dayIn(at, zone)} (${zone})` : dayIn(at, "UTC"));
  return [
    owed && t("warning.owed", { owed: cost(owed) }),
    available && t("warning.available", { available: cost(available) }),
    lineOf(facts) && t("warning.line", { line: lineOf(facts) }),
    fee && t("warning.fee", { fee: cost(fee) }),
    short && t("warning.missing", { missing: cost(short) }),
    out_at && t("warning.out", { day: day(out_at) }),
    last_at && t("warning.pay_by", { day: day(last_at) }),
    used !== undefined && t("plan.used", { used: count(used), limit: count(limit) }),
  ]
    .filter(Boolean)
    .join(" ");
}
