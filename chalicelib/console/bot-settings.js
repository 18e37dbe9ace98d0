// How a bot behaves: tickets, names, people, words of welcome.

import { html, useState } from "./view.js";
import { patch } from "./api.js";
import { t } from "./i18n.js";
import { people, peopleOptions } from "./directory.js";
import { Choice, Field, Mark, Refusal, showToast, useAct } from "./widgets.js";

// Viber: a text has at most 7000 characters.
const WELCOME_MOST = 7000;

export function BotSettings({ path, bot, onSaved }) {
  const [draft, setDraft] = useState(bot.settings);
  const put = (name) => (value) => setDraft({ ...draft, [name]: value });
  const { busy, problem, run } = useAct(async () => {
    const saved = await patch(path, draft);
    setDraft(saved.settings);
    onSaved(saved);
    showToast(t("common.saved"));
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return html`<section class="block">
    <h2>${t("settings.title")}</h2>
    <form onSubmit=${submit} data-testid="bot-settings">
      <${Mark}
        label=${t("settings.opens_new_ticket")}
        hint=${t("settings.opens_new_ticket_hint")}
        checked=${draft.opens_new_ticket}
        onValue=${put("opens_new_ticket")}
        testid="opens-new-ticket"
      />
      <${Mark}
        label=${t("settings.sends_as_employee")}
        hint=${t("settings.sends_as_employee_hint")}
        checked=${draft.sends_as_employee}
        onValue=${put("sends_as_employee")}
        testid="sends-as-employee"
      />
      <${Assignee} ...${{ problem }} value=${draft.assignee_id} onValue=${put("assignee_id")} />
      <${Participants} chosen=${draft.participant_ids} onValue=${put("participant_ids")} />
      <${Welcome} ...${{ problem }} value=${draft.welcome_text} onValue=${put("welcome_text")} />
      <${Refusal} problem=${problem} />
      <button type="submit" class="primary" disabled=${busy} data-testid="save-settings">
        ${busy ? t("common.waiting") : t("common.save")}
      </button>
    </form>
  </section>`;
}

function Assignee({ value, onValue, problem }) {
  const control = (ties) =>
    html`<${Choice}
      ...${ties}
      value=${value ?? ""}
      options=${[["", t("settings.assignee_default")], ...peopleOptions(value)]}
      testid="settings-assignee"
      onValue=${(chosen) => onValue(chosen || null)}
    />`;
  return html`<${Field}
    label=${t("settings.assignee")}
    hint=${t("settings.assignee_hint")}
    name="assignee_id"
    ...${{ problem, control }}
  />`;
}

function Participants({ chosen, onValue }) {
  const toggle = (id) => (isOn) =>
    onValue(isOn ? [...chosen, id] : chosen.filter((other) => other !== id));
  return html`<fieldset data-testid="settings-participants">
    <legend>${t("settings.participants")}</legend>
    <p class="hint">${t("settings.participants_hint")}</p>
    <div class="marks">
      ${people.value.map(
        ({ person_id, name }) =>
          html`<${Mark}
            key=${person_id}
            label=${name}
            checked=${chosen.includes(person_id)}
            onValue=${toggle(person_id)}
          />`,
      )}
    </div>
  </fieldset>`;
}

function Welcome({ value, onValue, problem }) {
  const control = (ties) =>
    html`<textarea
      ...${ties}
      rows="3"
      dir="auto"
      maxlength=${WELCOME_MOST}
      value=${value}
      data-testid="welcome-text"
      onInput=${(event) => onValue(event.currentTarget.value)}
    ></textarea>`;
  return html`<${Field}
    label=${t("settings.welcome_text")}
    hint=${t("settings.welcome_hint")}
    name="welcome_text"
    ...${{ problem, control }}
  />`;
}
