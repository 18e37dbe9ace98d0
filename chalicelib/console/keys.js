// API keys for programs: made once, shown once, revoked at once.

import { html, useState } from "./view.js";
import { post, remove } from "./api.js";
import { families, t, told } from "./i18n.js";
import { usePages } from "./pages.js";
import { full } from "./times.js";
import { Copied } from "./bot-link.js";
import { Icon } from "./icons.js";
import {
  Confirm, Dialog, Loading, Mark, More, PageProblem, Refusal, TextField, useAct,
} from "./widgets.js";

export function KeysPage() {
  const list = usePages("api-keys");
  const [isMaking, setMaking] = useState(false);
  const [ending, setEnding] = useState(null);
  const revoke = async () => {
    await remove(`api-keys/${encodeURIComponent(ending.key_id)}`);
    list.reload();
  };
  return html`
    <header class="page-head">
      <h1>${t("keys.title")}</h1>
      <button type="button" class="primary" data-testid="add-key" onClick=${() => setMaking(true)}>
        <${Icon} name="plus" /> ${t("keys.add")}
      </button>
    </header>
    <p class="hint">${t("keys.hint")}</p>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("keys.none")}</p>`}
    <ul class="lines cards">
      ${list.items?.map(
        (one) => html`<${Key} key=${one.key_id} one=${one} onRevoke=${() => setEnding(one)} />`,
      )}
    </ul>
    <${More} list=${list} />
    ${isMaking &&
    html`<${MakeKey} onMade=${list.reload} onClose=${() => setMaking(false)} />`}
    ${ending &&
    html`<${Confirm}
      title=${t("keys.revoke_title", { name: ending.name })}
      text=${t("keys.revoke_text")}
      verb=${t("keys.revoke")}
      onYes=${revoke}
      onClose=${() => setEnding(null)}
    />`}
  `;
}

function Key({ one, onRevoke }) {
  const { key_id, name, scopes, ending, created_at, revoked_at } = one;
  return html`<li
    class="person"
    data-testid="api-key"
    data-key-id=${key_id}
    data-revoked=${String(Boolean(revoked_at))}
  >
    <div class="tile-words">
      <b><bdi>${name}</bdi></b>
      <span><code>…${ending}</code> · ${t("keys.since", { at: full(created_at) })}</span>
    </div>
    <span class="badges">
      ${scopes.map(
        (scope) => html`<span class="badge" key=${scope}>${told("scope", scope) ?? scope}</span>`,
      )}
    </span>
    ${revoked_at
      ? html`<span class="badge bad">${t("keys.revoked", { at: full(revoked_at) })}</span>`
      : html`<button
          type="button"
          class="quiet"
          aria-label=${t("keys.revoke_title", { name })}
          data-testid="revoke-key"
          onClick=${onRevoke}
        >
          ${t("keys.revoke")}
        </button>`}
  </li>`;
}

function MakeKey({ onMade, onClose }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState(["tickets:read"]);
  const [made, setMade] = useState(null);
  const { busy, problem, run } = useAct(async () => {
    setMade(await post("api-keys", { name: name.trim(), scopes }));
    onMade();
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  const toggle = (scope) => (isOn) =>
    setScopes(isOn ? [...scopes, scope] : scopes.filter((other) => other !== scope));
  if (made) {
    return html`<${Dialog} title=${t("keys.made")} onClose=${onClose} testid="key-made">
      <p class="notice" role="status">${t("keys.shown_once")}</p>
      <${Copied} label=${t("keys.key")} value=${made.key} testid="new-key" />
      <div class="actions">
        <button type="button" class="primary" data-testid="key-kept" onClick=${onClose}>
          ${t("keys.kept")}
        </button>
      </div>
    <//>`;
  }
  return html`<${Dialog} title=${t("keys.add")} onClose=${onClose} testid="key-dialog">
    <form onSubmit=${submit}>
      <${TextField}
        label=${t("keys.name")}
        hint=${t("keys.name_hint")}
        required
        value=${name}
        onValue=${setName}
        testid="key-name"
      />
      <fieldset>
        <legend>${t("keys.scopes")}</legend>
        ${families.scope.map(
          (scope) =>
            html`<${Mark}
              key=${scope}
              label=${told("scope", scope)}
              checked=${scopes.includes(scope)}
              onValue=${toggle(scope)}
              testid=${`scope-${scope.replace(":", "-")}`}
            />`,
        )}
      </fieldset>
      <${Refusal} problem=${problem} />
      <div class="actions">
        <button
          type="submit"
          class="primary"
          disabled=${busy || scopes.length === 0}
          data-testid="key-submit"
        >
          ${busy ? t("common.waiting") : t("keys.create")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}
