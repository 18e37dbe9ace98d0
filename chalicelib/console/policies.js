// Session policies: the numbers sessions begin under, by version; operators set new ones.

import { html, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { usePages } from "./pages.js";
import { count } from "./money.js";
import { full, lengthOf } from "./times.js";
import { Loading, More, PageProblem } from "./widgets.js";
import { PolicyForm } from "./policy-form.js";
import { State, Withdraw } from "./prices.js";

export function PoliciesPage() {
  const [kind, setKind] = useState("business");
  const [isMaking, setMaking] = useState(false);
  const list = usePages("session-policies", 20, { kind });
  const inForce = list.items?.find((one) => one.state === "in-force");
  return html`<div class="page">
    <header class="page-head">
      <h1>${t("policy.title")}</h1>
      ${inForce &&
      html`<button
        type="button"
        class="primary"
        data-testid="new-policy"
        onClick=${() => setMaking(true)}
      >
        ${t("policy.new")}
      </button>`}
    </header>
    <p class="hint">${t("policy.hint")}</p>
    <div class="tabs" role="group" aria-label=${t("policy.kind")}>
      ${["business", "free"].map(
        (word) =>
          html`<button
            key=${word}
            type="button"
            aria-pressed=${String(word === kind)}
            onClick=${() => {
              setKind(word);
              setMaking(false);
            }}
          >
            ${told("policy_kind", word)}
          </button>`,
      )}
    </div>
    ${isMaking &&
    inForce &&
    html`<${PolicyForm}
      key=${kind}
      policy=${inForce}
      onMade=${() => {
        setMaking(false);
        list.reload();
      }}
      onClose=${() => setMaking(false)}
    />`}
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.map(
      (one) => html`<${Policy} key=${one.version} policy=${one} onChanged=${list.reload} />`,
    )}
    <${More} list=${list} />
  </div>`;
}

function Policy({ policy, onChanged }) {
  const { kind, version, state, valid_from, window_seconds, anchor, restarts } = policy;
  const most = (number) => (number === null ? t("policy.no_limit") : count(number));
  const names = (types) => types.map((type) => told("type", type) ?? type).join(", ");
  const facts = [
    [t("policy.window"), lengthOf(window_seconds * 1000)],
    [t("policy.anchor"), told("anchor", anchor) ?? anchor],
    ...(kind === "business"
      ? [
          [t("policy.messages_max"), most(policy.messages_max)],
          [t("policy.unanswered_max"), most(policy.unanswered_max)],
          [t("policy.types"), policy.types ? names(policy.types) : t("inbox.any")],
          [t("policy.not_starters"), names(policy.not_starters) || "–"],
          [t("policy.restarts"), restarts ? t("common.yes") : t("common.no")],
        ]
      : []),
  ];
  return html`<section class="block" data-testid="policy" data-version=${version}
    data-state=${state}>
    <div class="line-head">
      <h2>${t("policy.version", { version })}</h2>
      <${State} state=${state} />
      <span class="hint">
        ${valid_from ? t("prices.from", { at: full(valid_from) }) : t("policy.built_in")}
      </span>
    </div>
    <dl class="facts">
      ${facts.map(
        ([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`,
      )}
    </dl>
    ${state === "scheduled" &&
    html`<${Withdraw} path=${`session-policies/${kind}/${version}`} onDone=${onChanged} />`}
  </section>`;
}
