// The account's balance: what may be spent, what is kept for what, and what is owed.

import { html } from "./view.js";
import { t } from "./i18n.js";
import { useOne } from "./pages.js";
import { cost, isZero } from "./money.js";
import { Loading, PageProblem } from "./widgets.js";

export const useBalance = (path = "balance") => useOne(path);

export function BalanceCard({ balance }) {
  const { data, problem, reload } = balance;
  if (problem && !data) return html`<${PageProblem} problem=${problem} onRetry=${reload} />`;
  if (!data) return html`<${Loading} />`;
  const { available, held, set_aside, owed, total } = data;
  const parts = [
    ["available", t("balance.available"), available, t("balance.available_hint")],
    ["held", t("balance.held"), held, t("balance.held_hint")],
    ["set-aside", t("balance.set_aside"), set_aside, t("balance.set_aside_hint")],
    ...(isZero(owed) ? [] : [["owed", t("balance.owed"), owed, t("balance.owed_hint")]]),
  ];
  return html`
    <dl class="balance" data-testid="balance">
      ${parts.map(
        ([name, title, money, hint]) =>
          html`<div key=${name} class=${`balance-part ${name}`}>
            <dt>${title}</dt>
            <dd class="sum" data-testid=${`balance-${name}`} data-amount=${money.amount}>
              ${cost(money)}
            </dd>
            <dd class="hint">${hint}</dd>
          </div>`,
      )}
    </dl>
    <p class="hint">${t("balance.total", { total: cost(total) })}</p>
  `;
}
