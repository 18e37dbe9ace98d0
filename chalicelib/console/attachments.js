// The small form that makes an attachment: its type and what that type needs.

import { html, useState } from "./view.js";
import { t, told } from "./i18n.js";
import { Choice, Field, TextField } from "./widgets.js";

const WEB = "https://.*";

// Fields of each type: name in the API, kind of input, whether it must be filled.
// Viber: a contact's name has at most 28 characters and its number 18, an address 2000, a
// picture's words 768, a file's name 256.
const forms = {
  picture: [["media", "url", true], ["text", "text", false, 768]],
  file: [["media", "url", true], ["file_name", "text", true, 256], ["size_bytes", "number", false]],
  video: [["media", "url", true], ["size_bytes", "number", false]],
  url: [["media", "url", true]],
  contact: [["name", "text", true, 28], ["phone_number", "tel", true, 18]],
  location: [["lat", "degrees", true], ["lon", "degrees", true]],
  sticker: [["sticker_id", "sticker", true]],
};

const labels = {
  media: () => t("attach.media"),
  text: () => t("attach.text"),
  file_name: () => t("attach.file_name"),
  size_bytes: () => t("attach.size_bytes"),
  name: () => t("attach.name"),
  phone_number: () => t("attach.phone_number"),
  lat: () => t("attach.lat"),
  lon: () => t("attach.lon"),
  sticker_id: () => t("attach.sticker_id"),
};

export function AttachForm({ onAttach, onClose }) {
  const [type, setType] = useState("picture");
  const [values, setValues] = useState({});
  const put = (name, value) => {
    const named = type === "file" && name === "media" && !values.is_named;
    const guess = named ? { file_name: lastPart(value) } : {};
    const typed = name === "file_name" ? { is_named: true } : {};
    setValues({ ...values, ...guess, ...typed, [name]: value });
  };
  const submit = (event) => {
    event.preventDefault();
    onAttach({ type, ...filled(type, values) });
  };
  const onKeyDown = (event) => event.key === "Escape" && onClose();
  const control = (ties) =>
    html`<${Choice}
      ...${ties}
      value=${type}
      testid="attach-type"
      options=${Object.keys(forms).map((name) => [name, told("type", name)])}
      onValue=${setType}
    />`;
  return html`<form class="attach" onSubmit=${submit} onKeyDown=${onKeyDown} data-testid="attach">
    <${Field} label=${t("attach.type")} control=${control} />
    ${forms[type].map(([name, kind, required, maxlength]) => {
      const shape = shapeOf(kind);
      return html`<${TextField}
        key=${`${type} ${name}`}
        ...${shape}
        label=${labels[name]()}
        required=${required}
        maxlength=${maxlength}
        hint=${name === "media" && type !== "url" ? t("attach.hint") : undefined}
        value=${values[name] ?? ""}
        testid=${`attach-${name === "media" ? "address" : name.replaceAll("_", "-")}`}
        onValue=${(value) => put(name, value)}
      />`;
    })}
    <div class="actions">
      <button type="submit" class="primary" data-testid="attach-add">${t("attach.add")}</button>
      <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
    </div>
  </form>`;
}

function shapeOf(kind) {
  if (kind === "url") {
    return { type: "url", pattern: WEB, placeholder: "https://", maxlength: 2000 };
  }
  if (kind === "number") return { type: "number", min: 1, step: 1 };
  if (kind === "degrees") return { type: "number", min: -180, max: 180, step: "any" };
  if (kind === "sticker") return { type: "text", inputmode: "numeric", pattern: "\\d+" };
  return { type: kind };
}

// Only what the type has, numbers as numbers, nothing empty.
function filled(type, values) {
  const part = {};
  for (const [name, kind] of forms[type]) {
    const value = (values[name] ?? "").trim();
    if (value) part[name] = ["number", "degrees"].includes(kind) ? Number(value) : value;
  }
  return part;
}

function lastPart(address) {
  try {
    return decodeURIComponent(new URL(address).pathname.split("/").pop());
  } catch {
    return "";
  }
}
