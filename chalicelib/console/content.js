// What a message carries, each type shown as what it is. Nothing from outside becomes markup.

import { html } from "./view.js";
import { openFile, useFile } from "./files.js";
import { families, t, told } from "./i18n.js";
import { size } from "./times.js";
import { Icon } from "./icons.js";
import { useAct } from "./widgets.js";

const ADDRESS = /(https?:\/\/[^\s<>"]+)/gi;
const MAP = "https://www.openstreetmap.org/";

const shown = {
  text: ({ content }) => html`<${Text} text=${content.text} />`,
  picture: Picture,
  video: Attached,
  file: Attached,
  contact: Card,
  location: Place,
  url: Address,
  sticker: ({ content }) =>
    html`<${Labelled} icon="sticker" text=${t("content.sticker", { id: content.sticker_id })} />`,
  rich_media: Rich,
};

export function Content({ message }) {
  const { content } = message;
  const Shown = shown[content.type];
  return Shown
    ? html`<${Shown} content=${content} message=${message} />`
    : html`<${Unsupported} content=${content} />`;
}

const PUNCTUATION = ".,;:!?)]}'»”";
const ADDRESS_LENGTH_MAX = 2000;

// Text with its line breaks, where web addresses become links.
export function Text({ text }) {
  if (!text) return null;
  const pieces = text.split(ADDRESS);
  return html`<p class="words" dir="auto">
    ${pieces.map((piece, index) => {
      if (index % 2 === 0) return piece;
      // A full stop or bracket after an address belongs to the sentence.
      const address = piece.slice(0, endOf(piece));
      if (address.length > ADDRESS_LENGTH_MAX) return piece;
      return html`<${Link} key=${index} address=${address} />${piece.slice(address.length)}`;
    })}
  </p>`;
}

function endOf(address) {
  let end = address.length;
  while (end > 0 && PUNCTUATION.includes(address[end - 1])) end -= 1;
  return end;
}

// A link that leaves the console; anything but a web address stays plain text.
export function Link({ address, text = address }) {
  if (!isWeb(address)) return html`<span>${text}</span>`;
  return html`<a href=${address} target="_blank" rel="noopener noreferrer nofollow">${text}</a>`;
}

function Picture({ content, message }) {
  return html`
    ${message.file || message.kind === "inbound"
      ? html`<${PictureCopy} file=${message.file} caption=${content.text} />`
      : html`<${Elsewhere} content=${content} />`}
    <${Text} text=${content.text} />
  `;
}

function PictureCopy({ file, caption }) {
  const isReady = file?.state === "ready";
  const { url, problem } = useFile(isReady ? file.file_id : null);
  const { run } = useAct(() => openFile(file.file_id));
  if (file?.state === "lost") return html`<${Lost} type="picture" />`;
  if (problem) return html`<${Labelled} icon="picture" text=${t("content.unreachable")} />`;
  if (!url) {
    return html`<div class="placeholder" data-testid="file-copying">
      <${Icon} name="picture" />
      <span>${isReady ? t("common.loading") : t("content.copying")}</span>
    </div>`;
  }
  return html`<button type="button" class="picture" title=${t("content.open")} onClick=${run}>
    <img src=${url} alt=${caption || t("type.picture")} loading="lazy" />
  </button>`;
}

// A video or a file, to be downloaded.
function Attached({ content, message }) {
  const { type } = content;
  const { file, kind } = message;
  const { busy, problem, run } = useAct(() => openFile(file.file_id));
  const name = file?.name || content.file_name || told("type", type);
  const size_bytes = file?.size_bytes ?? content.size_bytes;
  const facts = [size_bytes && size(size_bytes), content.duration_seconds && lengthOf(content)];
  const about = facts.filter(Boolean).join(" · ");
  if (file?.state === "lost") return html`<${Lost} type=${type} name=${name} />`;
  if (!file && kind !== "inbound") {
    return html`<${Elsewhere} content=${content} name=${name} about=${about} />
      <${Text} text=${content.text} />`;
  }
  const isReady = file?.state === "ready";
  return html`
    <button
      type="button"
      class="download"
      disabled=${!isReady || busy}
      data-testid="download"
      onClick=${run}
    >
      <${Icon} name=${type} />
      <span class="download-name">${name}</span>
      <span class="download-about">${isReady ? about : t("content.copying")}</span>
      ${isReady && html`<span class="hidden">${t("content.download")}</span>`}
    </button>
    ${problem && html`<p class="aside-words">${t("content.unreachable")}</p>`}
    <${Text} text=${content.text} />
  `;
}

// A file of our own sending that lies where the agent said it does.
function Elsewhere({ content, name, about }) {
  const type = told("type", content.type);
  const text = name && name !== type ? name : content.media;
  return html`<p class="labelled">
    <${Icon} name=${content.type} />
    <span>
      ${type}:${" "}<${Link} address=${content.media} text=${text} />
      ${about && html` <span class="download-about">${about}</span>`}
    </span>
  </p>`;
}

function Lost({ type, name }) {
  const what = [told("type", type), name !== told("type", type) && name].filter(Boolean).join(": ");
  return html`<div class="placeholder lost" data-testid="file-lost">
    <${Icon} name="failed" />
    <span>${what}</span><span>${t("content.lost")}</span>
  </div>`;
}

function Card({ content }) {
  const number = String(content.phone_number ?? "");
  const dialled = number.replace(/[^\d+]/g, "");
  return html`<div class="card-content">
      <${Icon} name="contact" />
      <b dir="auto">${content.name || t("contact.unnamed")}</b>
      ${dialled ? html`<a href=${`tel:${dialled}`}>${number}</a>` : html`<span>${number}</span>`}
    </div>
    <${Text} text=${content.text} />`;
}

function Place({ content }) {
  const lat = Number(content.lat);
  const lon = Number(content.lon);
  const where = `${lat}, ${lon}`;
  const address = `${MAP}?mlat=${lat}&mlon=${lon}#map=16/${lat}/${lon}`;
  return html`<p class="labelled">
      <${Icon} name="location" />
      <span>${where} · <${Link} address=${address} text=${t("content.map")} /></span>
    </p>
    <${Text} text=${content.text} />`;
}

function Address({ content }) {
  return html`<p class="labelled"><${Icon} name="url" /><${Link} address=${content.media} /></p>
    <${Text} text=${content.text} />`;
}

function Rich({ content }) {
  return html`<${Labelled} icon="rich_media" text=${t("type.rich_media")} />
    <${Text} text=${content.alt_text} />`;
}

function Unsupported({ content }) {
  const type = content.original_type ?? content.type;
  const name = families.type.includes(type) ? told("type", type) : type;
  return html`<${Labelled} icon="unsupported" text=${t("content.unsupported", { type: name })} />`;
}

function Labelled({ icon, text }) {
  return html`<p class="labelled"><${Icon} name=${icon} /><span>${text}</span></p>`;
}

function lengthOf({ duration_seconds }) {
  const minutes = Math.floor(duration_seconds / 60);
  return `${minutes}:${String(Math.round(duration_seconds % 60)).padStart(2, "0")}`;
}

function isWeb(address) {
  try {
    return ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}
