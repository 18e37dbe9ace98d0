// What an account sets about its money: fee protection, when it is warned, who gets mail.

import { html, useState } from "./view.js";
import { patch } from "./api.js";
import { t } from "./i18n.js";
import { useOne } from "./pages.js";
import { typeable, typed } from "./money.js";
import {
  Field, Loading, Mark, PageProblem, problemAt, Refusal, showToast, TextField, useAct,
} from "./widgets.js";

const LISTS = ["low_balance", "runway_days", "quota_percents", "addresses"];

export function MoneySettingsPage() {
  const settings = useOne("money-settings");
  const { data, problem } = settings;
  if (problem && !data) return html`<${PageProblem} problem=${problem} onRetry=${settings.reload} />`;
  if (!data) return html`<${Loading} />`;
  return html`<${Settings} settings=${data} onSaved=${settings.set} />`;
}

const listed = (values) => values.join("; ");
const split = (text) => text.split(/[;\s]+/).filter(Boolean);

function Settings({ settings, onSaved }) {
  const [draft, setDraft] = useState({
    protects_fees: settings.protects_fees,
    mails: settings.mails,
    to_admins: settings.to_admins,
    low_balance: listed(settings.low_balance.map(typeable)),
    runway_days: listed(settings.runway_days),
    quota_percents: listed(settings.quota_percents),
    addresses: settings.addresses.join("\n"),
  });
  const [wrong, setWrong] = useState(null);
  const { busy, problem, run } = useAct(async (body) => {
    onSaved(await patch("money-settings", body));
    showToast(t("common.saved"));
  });
  const set = (name) => (value) => {
    setDraft({ ...draft, [name]: value });
    setWrong(null);
  };
  const submit = (event) => {
    event.preventDefault();
    const found = wrongIn(draft);
    setWrong(found);
    if (!found) run(bodyOf(draft));
  };
  const shown = wrong ?? problem;
  const at = (name) =>
    shown?.field?.split(/[.[]/)[0] === name ? { ...problemAt(shown, shown.field), field: name } : null;
  const text = (name, label, hint) => html`<${TextField}
    ...${{ name, label, hint }}
    value=${draft[name]}
    autocomplete="off"
    problem=${at(name)}
    onValue=${set(name)}
    testid=${`set-${name.replaceAll("_", "-")}`}
  />`;
  const addresses = (ties) => html`<textarea
    ...${ties}
    rows="3"
    value=${draft.addresses}
    data-testid="set-addresses"
    onInput=${(event) => set("addresses")(event.currentTarget.value)}
  ></textarea>`;
  return html`<section class="block">
    <h2>${t("money.settings")}</h2>
    <form class="narrow" onSubmit=${submit} novalidate data-testid="money-settings">
      <${Mark}
        label=${t("set.protects")}
        hint=${t("set.protects_hint")}
        checked=${draft.protects_fees}
        onValue=${set("protects_fees")}
        testid="set-protects-fees"
      />
      ${text("low_balance", t("set.low_balance"), t("set.low_balance_hint"))}
      ${text("runway_days", t("set.runway_days"), t("set.runway_days_hint"))}
      ${text("quota_percents", t("set.quota"), t("set.quota_hint"))}
      <${Mark}
        label=${t("set.mails")}
        checked=${draft.mails}
        onValue=${set("mails")}
        testid="set-mails"
      />
      ${draft.mails &&
      html`<${Mark}
        label=${t("set.to_admins")}
        checked=${draft.to_admins}
        onValue=${set("to_admins")}
        testid="set-to-admins"
      />`}
      ${draft.mails &&
      html`<${Field}
        name="addresses"
        label=${t("set.addresses")}
        hint=${t("set.addresses_hint")}
        problem=${at("addresses")}
        control=${addresses}
      />`}
      ${!LISTS.some(at) && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="save-money-settings">
          ${busy ? t("common.waiting") : t("common.save")}
        </button>
      </div>
    </form>
  </section>`;
}

function wrongIn({ low_balance, runway_days, quota_percents }) {
  if (split(low_balance).some((text) => !typed(text))) {
    return { field: "low_balance", text: t("set.no_amounts") };
  }
  for (const [field, text] of Object.entries({ runway_days, quota_percents })) {
    if (split(text).some((each) => !/^\d{1,3}$/.test(each))) {
      return { field, text: t("set.no_numbers") };
    }
  }
  return null;
}

function bodyOf({ protects_fees, mails, to_admins, ...texts }) {
  return {
    protects_fees,
    mails,
    to_admins,
    low_balance: split(texts.low_balance).map((text) => typed(text)),
    runway_days: split(texts.runway_days).map(Number),
    quota_percents: split(texts.quota_percents).map(Number),
    addresses: split(texts.addresses),
  };
}
