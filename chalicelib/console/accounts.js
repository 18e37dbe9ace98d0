// The operator's page: the accounts of the platform, and opening one.

import { html, useId, useState } from "./view.js";
import { post } from "./api.js";
import { languages, t } from "./i18n.js";
import { readAccounts } from "./directory.js";
import { usePages } from "./pages.js";
import { to } from "./routes.js";
import { full } from "./times.js";
import { Icon } from "./icons.js";
import {
  Choice, Dialog, Face, Field, Loading, More, PageProblem, Refusal, showToast, TextField, useAct,
} from "./widgets.js";

const USUAL_ZONE = "Europe/Kyiv";
const ZONES = Intl.supportedValuesOf("timeZone");
const FIELDS = ["name", "admin_name", "admin_email", "time_zone"];

export function AccountsPage() {
  const list = usePages("accounts");
  const [isOpening, setOpening] = useState(false);
  return html`<div class="page">
    <header class="page-head">
      <h1>${t("accounts.title")}</h1>
      <button
        type="button"
        class="primary"
        data-testid="add-account"
        onClick=${() => setOpening(true)}
      >
        <${Icon} name="plus" /> ${t("accounts.add")}
      </button>
    </header>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty">${t("accounts.none")}</p>`}
    <ul class="lines cards">
      ${list.items?.map(
        ({ account_id, name, time_zone, language, created_at }) =>
          html`<li
            key=${account_id}
            class="person"
            data-testid="account"
            data-account-id=${account_id}
          >
            <${Face} name=${name} />
            <div class="tile-words">
              <b><a href=${to.account(account_id)}><bdi>${name}</bdi></a></b>
              <span>${time_zone} · ${languageTitle(language)}</span>
            </div>
            <span class="hint">${t("accounts.since", { at: full(created_at) })}</span>
          </li>`,
      )}
    </ul>
    <${More} list=${list} />
    ${isOpening &&
    html`<${OpenAccount} onOpened=${list.reload} onClose=${() => setOpening(false)} />`}
  </div>`;
}

function OpenAccount({ onOpened, onClose }) {
  const [draft, setDraft] = useState({
    name: "",
    admin_name: "",
    admin_email: "",
    time_zone: USUAL_ZONE,
    language: "uk",
  });
  const zones = useId();
  const { busy, problem, run } = useAct(async () => {
    await post("accounts", draft);
    showToast(t("accounts.opened", { email: draft.admin_email }));
    onOpened();
    readAccounts();
    onClose();
  });
  const bind = (name) => ({
    name,
    problem,
    value: draft[name],
    testid: `account-${name.replace("_", "-")}`,
    onValue: (value) => setDraft({ ...draft, [name]: value }),
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  const control = (ties) =>
    html`<${Choice} ...${ties} ...${bind("language")} options=${languages} />`;
  return html`<${Dialog} title=${t("accounts.add")} onClose=${onClose} testid="account-dialog">
    <form onSubmit=${submit}>
      <${TextField} ...${bind("name")} label=${t("accounts.name")} required />
      <${TextField} ...${bind("admin_name")} label=${t("accounts.admin_name")} required />
      <${TextField}
        ...${bind("admin_email")}
        type="email"
        label=${t("accounts.admin_email")}
        hint=${t("accounts.admin_hint")}
        required
      />
      <${TextField}
        ...${bind("time_zone")}
        list=${zones}
        label=${t("accounts.time_zone")}
        required
      />
      <datalist id=${zones}>
        ${ZONES.map((zone) => html`<option key=${zone} value=${zone} />`)}
      </datalist>
      <${Field} label=${t("accounts.language")} control=${control} />
      ${!FIELDS.includes(problem?.field) && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="account-submit">
          ${busy ? t("common.waiting") : t("accounts.create")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}

const languageTitle = (code) => languages.find(([known]) => known === code)?.[1] ?? code;
