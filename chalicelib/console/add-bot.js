// Adding a bot: the key of one that awaits it, or of an old one with its day, or else a request.

import { html, useState } from "./view.js";
import { post } from "./api.js";
import { t } from "./i18n.js";
import { readDirectory } from "./directory.js";
import { go, to } from "./routes.js";
import { Choice, Dialog, Field, problemAt, useAct } from "./widgets.js";
import { KeyForm } from "./key-form.js";
import { MadeOn } from "./plan-acts.js";

export function AddBot({ awaiting, onClose }) {
  const [way, setWay] = useState(awaiting.length > 0 ? "awaiting" : "old");
  const [bot_id, setBotId] = useState(awaiting[0]?.bot_id ?? "");
  const [made_on, setMadeOn] = useState("");
  const connecting = useAct(async (key) => {
    const which = way === "awaiting" ? { bot_id } : { made_on };
    const bot = await post("bots", { key, ...which });
    await readDirectory();
    onClose();
    go(to.bot(bot.bot_id));
  });
  const choose = (chosen) => {
    connecting.clear();
    setWay(chosen);
  };
  const ways = [
    ...(awaiting.length > 0 ? [["awaiting", t("bots.way_awaiting")]] : []),
    ["old", t("bots.way_old")],
    ["new", t("bots.way_new")],
  ];
  const bots = (ties) => html`<${Choice}
    ...${ties}
    value=${bot_id}
    options=${awaiting.map((bot) => [bot.bot_id, bot.name])}
    testid="awaiting-bot"
    onValue=${setBotId}
  />`;
  const atDay = problemAt(connecting.problem, "made_on");
  return html`<${Dialog} title=${t("bots.add")} onClose=${onClose} testid="add-bot-dialog">
    <fieldset>
      <legend>${t("bots.which")}</legend>
      ${ways.map(
        ([word, text]) => html`<label key=${word} class="choice">
          <input
            type="radio"
            name="way"
            checked=${way === word}
            data-testid=${`way-${word}`}
            onChange=${() => choose(word)}
          />
          ${text}
        </label>`,
      )}
    </fieldset>
    ${way === "new"
      ? html`<p>${t("bots.new_hint")}</p>
          <div class="actions">
            <a class="button primary" href=${to.requestForm()} data-testid="to-request">
              ${t("requests.send")}
            </a>
            <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
          </div>`
      : html`<${KeyForm}
          key=${way}
          verb=${t("bots.connect")}
          testid="bot-connect"
          onClose=${onClose}
          ...${{ connecting }}
        >
          ${way === "awaiting"
            ? html`<${Field} label=${t("inbox.bot")} control=${bots} />`
            : html`<p class="hint">${t("bots.old_hint")}</p>
                <${MadeOn} value=${made_on} onValue=${setMadeOn} problem=${atDay} />`}
        <//>`}
  <//>`;
}
