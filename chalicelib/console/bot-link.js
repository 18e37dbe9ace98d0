// The way for customers to the bot: a link and its QR, with context and first words if wanted.

import { html, useEffect, useId, useState } from "./view.js";
import { get } from "./api.js";
import { t } from "./i18n.js";
import { Refusal, showToast, TextField } from "./widgets.js";
import { Icon } from "./icons.js";

const TYPING_MS = 400;
const VIBER_FOR_COMPUTERS = "https://www.viber.com/download/";
const SVG = "http://www.w3.org/2000/svg";

export function BotLink({ path, bot }) {
  const [context, setContext] = useState("");
  const [text, setText] = useState("");
  const { link, qr, problem } = useLink(path, context, text, bot.link);
  const fallback = t("link.fallback", { link, download: VIBER_FOR_COMPUTERS });
  return html`<section class="block">
    <h2>${t("link.title")}</h2>
    <p class="hint">${t("link.hint")}</p>
    <${Copied} label=${t("link.link")} value=${link} testid="bot-link" />
    <div class="link-parts">
      <div>
        <${TextField}
          label=${t("link.context")}
          hint=${t("link.context_hint")}
          value=${context}
          onValue=${setContext}
          testid="link-context"
        />
        <${TextField}
          label=${t("link.text")}
          hint=${t("link.text_hint")}
          value=${text}
          onValue=${setText}
          testid="link-text"
        />
      </div>
      ${qr && html`<img class="qr" src=${qr} alt=${t("link.qr")} data-testid="qr" />`}
    </div>
    <${Refusal} problem=${problem} />
    <h3>${t("link.fallback_title")}</h3>
    <p class="hint">${t("link.fallback_hint")}</p>
    <${Copied} label=${t("link.fallback_label")} value=${fallback} testid="fallback-text" long />
  </section>`;
}

// Asks for the link and its QR when the typing pauses; an older answer never replaces a newer.
function useLink(path, context, text, plain) {
  const [state, setState] = useState({ link: plain, qr: null, problem: null });
  useEffect(() => {
    let isOld = false;
    const ask = async () => {
      try {
        const { link, qr_svg } = await get(`${path}/link`, { context, text });
        const qr = `data:image/svg+xml,${encodeURIComponent(asFile(qr_svg))}`;
        if (!isOld) setState({ link, qr, problem: null });
      } catch (problem) {
        if (problem.status === undefined) throw problem;
        if (!isOld) setState((old) => ({ ...old, problem }));
      }
    };
    const timer = setTimeout(ask, context || text ? TYPING_MS : 0);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [path, context, text]);
  return state;
}

// SVG made to stand inside a page lacks the name space without which it is no picture by itself.
const asFile = (svg) => svg.replace(/^<svg /, `<svg xmlns="${SVG}" `);

// Something to take away: shown whole, copied by one press.
export function Copied({ label, value, testid, long = false }) {
  const id = useId();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      showToast(t("common.copied"));
    } catch {
      // Without leave for the clipboard the text is selected, and the person copies it himself.
      document.getElementById(id).select();
    }
  };
  const shared = { id, readOnly: true, value, "data-testid": testid, class: "code" };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class=${`copied ${long ? "long" : ""}`}>
      ${long ? html`<textarea ...${shared} rows="4"></textarea>` : html`<input ...${shared} />`}
      <button type="button" data-testid=${`copy-${testid}`} onClick=${copy}>
        <${Icon} name="copy" /> ${t("common.copy")}
      </button>
    </div>
  </div>`;
}
