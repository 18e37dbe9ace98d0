// A bot's connection: its key pasted or replaced, the bot disconnected, and what goes on costing.

import { html, useState } from "./view.js";
import { post, put, remove } from "./api.js";
import { t } from "./i18n.js";
import { readDirectory } from "./directory.js";
import { Confirm, Dialog, showToast, useAct } from "./widgets.js";
import { KeyForm } from "./key-form.js";
import { Cancel } from "./plan-acts.js";

export function Connection({ path, bot, onChanged, onCancelled }) {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const isAwaiting = bot.state === "awaiting_key";
  const isOn = !isAwaiting && bot.state !== "disconnected";
  const connecting = useAct(async (key) => {
    const changed = isAwaiting
      ? await post("bots", { key, bot_id: bot.bot_id })
      : await put(`${path}/key`, { key });
    onChanged(changed);
    readDirectory();
    showToast(isAwaiting ? t("bots.is_connected") : said(isOn));
    close();
  });
  const disconnect = async () => {
    onChanged(await remove(path));
    readDirectory();
  };
  const verb = isAwaiting
    ? t("bots.paste_key")
    : isOn
      ? t("bots.replace_key")
      : t("bots.reconnect");
  const pays = bot.plan.next_fee !== null;
  return html`<section class="block">
    <h2>${t("bots.connection")}</h2>
    <p class="hint">${hintOf(isAwaiting, isOn)}</p>
    ${bot.plan.pays_while_not_connected &&
    !isAwaiting &&
    html`<div class="notice" data-testid="pays-anyway">
      <p>${t("plan.pays_anyway")}</p>
      ${pays &&
      html`<button
        type="button"
        class="danger"
        data-testid="cancel-plan"
        onClick=${() => setOpen("cancel")}
      >
        ${t("plan.cancel")}
      </button>`}
    </div>`}
    <div class="actions">
      <button
        type="button"
        class=${isAwaiting ? "primary" : undefined}
        data-testid="replace-key"
        onClick=${() => setOpen("key")}
      >
        ${verb}
      </button>
      ${isOn &&
      html`<button
        type="button"
        class="danger"
        data-testid="disconnect"
        onClick=${() => setOpen("disconnect")}
      >
        ${t("bots.disconnect")}
      </button>`}
    </div>
    ${open === "key" &&
    html`<${Dialog} title=${verb} onClose=${close} testid="replace-key-dialog">
      ${!isAwaiting && html`<p>${t("bots.replace_hint")}</p>`}
      <${KeyForm}
        verb=${t("bots.save_key")}
        testid="save-key"
        onClose=${close}
        ...${{ connecting }}
      />
    <//>`}
    ${open === "disconnect" &&
    html`<${Confirm}
      title=${t("bots.disconnect_title", { name: bot.name })}
      text=${`${t("bots.disconnect_text")} ${pays ? t("bots.disconnect_pays") : ""}`}
      verb=${t("bots.disconnect")}
      onYes=${disconnect}
      onClose=${close}
    />`}
    ${open === "cancel" && html`<${Cancel} bot=${bot} onDone=${onCancelled} onClose=${close} />`}
  </section>`;
}

const said = (isOn) => (isOn ? t("bots.key_replaced") : t("bots.reconnected"));

function hintOf(isAwaiting, isOn) {
  if (isAwaiting) return t("bots.awaiting_hint");
  return isOn ? t("bots.connection_hint") : t("bots.disconnected_hint");
}
