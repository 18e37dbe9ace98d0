// A broadcast to be planned: its bot, its message, who is to get it, what it may cost at most.

import { html, useState } from "./view.js";
import { newKey, post } from "./api.js";
import { t, told } from "./i18n.js";
import { bots } from "./directory.js";
import { typed } from "./money.js";
import { startOf } from "./times.js";
import { Choice, Field, problemAt, Refusal, TextField, useAct } from "./widgets.js";
import { AttachForm } from "./attachments.js";
import { Contacts } from "./broadcast-contacts.js";
import { countryOptions } from "./countries.js";
import { Icon } from "./icons.js";

const TEXT_MOST = 7000;
const FIELDS = ["bot_id", "parts", "recipients", "spending_cap"];

export function BroadcastForm({ onMade, onClose }) {
  const able = bots.value.filter((bot) => bot.state === "connected");
  const [draft, setDraft] = useState({
    bot_id: able[0]?.bot_id ?? "",
    text: "",
    attached: null,
    countries: [],
    heard_since: "",
    contact_ids: [],
    cap: "",
  });
  const [isAttaching, setAttaching] = useState(false);
  const [wrong, setWrong] = useState(null);
  const [key, setKey] = useState(newKey);
  const { busy, problem, run } = useAct(async (body) => {
    onMade((await post("broadcasts", body, { key })).broadcast_id);
  });
  const set = (change) => {
    setDraft({ ...draft, ...change });
    setKey(newKey());
    setWrong(null);
  };
  const submit = (event) => {
    event.preventDefault();
    const found = wrongIn(draft);
    setWrong(found);
    if (!found) run(bodyOf(draft));
  };
  const shown = wrong ?? problem;
  const at = (field) => problemAt(shown, field);
  const bot = (ties) => html`<${Choice}
    ...${ties}
    value=${draft.bot_id}
    options=${[["", t("form.choose_one")], ...able.map((one) => [one.bot_id, one.name])]}
    testid="broadcast-bot"
    onValue=${(bot_id) => set({ bot_id, contact_ids: [] })}
  />`;
  const text = (ties) => html`<textarea
    ...${ties}
    rows="4"
    dir="auto"
    maxlength=${TEXT_MOST}
    value=${draft.text}
    data-testid="broadcast-text"
    onInput=${(event) => set({ text: event.currentTarget.value })}
  ></textarea>`;
  return html`<section class="block" data-testid="broadcast-form">
    <h2>${t("broadcast.new")}</h2>
    ${isAttaching &&
    html`<${AttachForm}
      onAttach=${(attached) => {
        set({ attached });
        setAttaching(false);
      }}
      onClose=${() => setAttaching(false)}
    />`}
    <form class="narrow" onSubmit=${submit} novalidate>
      <${Field} name="bot_id" label=${t("inbox.bot")} problem=${at("bot_id")} control=${bot} />
      ${draft.attached
        ? html`<p class="chip">
            <${Icon} name=${draft.attached.type} /> ${told("type", draft.attached.type)}
            <button
              type="button"
              class="bare"
              aria-label=${t("common.cancel")}
              onClick=${() => set({ attached: null })}
            >
              <${Icon} name="close" />
            </button>
          </p>`
        : html`<${Field}
            name="parts"
            label=${t("broadcast.text")}
            problem=${at("parts")}
            control=${text}
          />`}
      ${!draft.attached &&
      html`<button type="button" class="quiet" onClick=${() => setAttaching(true)}>
        <${Icon} name="attach" /> ${t("broadcast.other_type")}
      </button>`}
      <${Recipients} draft=${draft} set=${set} problem=${at("recipients")} />
      <${TextField}
        name="spending_cap"
        label=${t("broadcast.cap")}
        hint=${t("broadcast.cap_hint")}
        inputmode="decimal"
        autocomplete="off"
        value=${draft.cap}
        problem=${at("spending_cap")}
        onValue=${(cap) => set({ cap })}
        testid="broadcast-cap"
      />
      ${!FIELDS.some(at) && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="broadcast-plan">
          ${busy ? t("common.waiting") : t("broadcast.plan")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
      <p class="hint">${t("broadcast.plan_hint")}</p>
    </form>
  </section>`;
}

function Recipients({ draft, set, problem }) {
  const { countries } = draft;
  const left = countryOptions().filter(([code]) => !countries.includes(code));
  const names = new Map(countryOptions());
  const choice = (ties) => html`<${Choice}
    ...${ties}
    value=""
    options=${[["", t("broadcast.add_country")], ...left]}
    testid="broadcast-country"
    onValue=${(code) => code && set({ countries: [...countries, code], contact_ids: [] })}
  />`;
  return html`<fieldset>
    <legend>${t("broadcast.recipients")}</legend>
    <p class="hint">${t("broadcast.recipients_hint")}</p>
    <${Field}
      label=${t("broadcast.countries")}
      hint=${countries.length === 0 ? t("broadcast.all_countries") : undefined}
      control=${choice}
    />
    ${countries.length > 0 &&
    html`<ul class="chips">
      ${countries.map(
        (code) => html`<li key=${code} class="chip">
          <span>${names.get(code)}</span>
          <button
            type="button"
            class="bare"
            aria-label=${t("composer.detach", { name: names.get(code) })}
            onClick=${() => set({ countries: countries.filter((each) => each !== code) })}
          >
            <${Icon} name="close" />
          </button>
        </li>`,
      )}
    </ul>`}
    <${TextField}
      type="date"
      label=${t("broadcast.heard_since")}
      value=${draft.heard_since}
      onValue=${(heard_since) => set({ heard_since, contact_ids: [] })}
      testid="broadcast-since"
    />
    <${Contacts}
      bot_id=${draft.bot_id}
      chosen=${draft.contact_ids}
      problem=${problem}
      onChosen=${(contact_ids) => set({ contact_ids, countries: [], heard_since: "" })}
    />
  </fieldset>`;
}

function wrongIn({ bot_id, text, attached, cap }) {
  if (!bot_id) return { field: "bot_id", text: t("form.no_bot") };
  if (!attached && !text.trim()) return { field: "parts", text: t("form.empty") };
  if (cap.trim() && !typed(cap)) return { field: "spending_cap", text: t("top_up.wrong") };
  return null;
}

function bodyOf({ bot_id, text, attached, countries, heard_since, contact_ids, cap }) {
  const filter = {
    ...(countries.length > 0 ? { countries } : {}),
    ...(heard_since ? { heard_since: startOf(heard_since) } : {}),
  };
  return {
    bot_id,
    parts: [attached ?? { type: "text", text: text.trim() }],
    recipients: contact_ids.length > 0 ? { contact_ids } : filter,
    spending_cap: cap.trim() ? typed(cap) : null,
  };
}
