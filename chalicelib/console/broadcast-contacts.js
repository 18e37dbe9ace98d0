// Choosing the customers of a broadcast by name, from those who have written to the bot.

import { html, useEffect, useState } from "./view.js";
import { getAll } from "./api.js";
import { t } from "./i18n.js";
import { count } from "./money.js";
import { Loading, Mark, Refusal, TextField, useAct } from "./widgets.js";

// As many tickets are looked through for names; whoever needs more uses the conditions.
const TICKETS_MOST = 500;

export function Contacts({ bot_id, chosen, onChosen, problem }) {
  const [people, setPeople] = useState(null);
  const [sought, setSought] = useState("");
  const { problem: trouble, run } = useAct(async () => {
    const views = ["active", "inactive"].map((view) =>
      getAll("tickets", { view, bot_id }, TICKETS_MOST),
    );
    setPeople(unique((await Promise.all(views)).flat()));
  });
  useEffect(() => {
    setPeople(null);
    if (bot_id) run();
  }, [bot_id]);
  const word = sought.trim().toLocaleLowerCase();
  const found = (people ?? []).filter((one) => one.name.toLocaleLowerCase().includes(word));
  const toggle = (id) => (isOn) =>
    onChosen(isOn ? [...chosen, id] : chosen.filter((each) => each !== id));
  return html`<details class="more-of" data-testid="broadcast-named">
    <summary>
      ${chosen.length > 0
        ? t("broadcast.chosen", { count: count(chosen.length) })
        : t("broadcast.named")}
    </summary>
    <p class="hint">${t("broadcast.named_hint")}</p>
    <${Refusal} problem=${trouble} onRetry=${run} />
    ${!people && !trouble && html`<${Loading} />`}
    ${people?.length === 0 && html`<p class="empty small">${t("broadcast.nobody")}</p>`}
    ${people?.length > 0 &&
    html`
      <${TextField}
        type="search"
        label=${t("broadcast.seek")}
        value=${sought}
        onValue=${setSought}
        testid="seek-contact"
      />
      <div class="marks">
        ${found.map(
          ({ id, name }) =>
            html`<${Mark}
              key=${id}
              label=${name}
              checked=${chosen.includes(id)}
              onValue=${toggle(id)}
            />`,
        )}
      </div>
    `}
    ${problem && html`<p class="wrong" role="alert">${problem.text}</p>`}
  </details>`;
}

function unique(tickets) {
  const named = new Map();
  for (const { contact_id, contact_name } of tickets) {
    if (!named.has(contact_id)) named.set(contact_id, contact_name || t("contact.unnamed"));
  }
  const people = [...named].map(([id, name]) => ({ id, name }));
  return people.sort((one, other) => one.name.localeCompare(other.name));
}
