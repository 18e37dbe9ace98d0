// What is said in a chat, as bubbles; whatever a bot sent is put in as text, never as markup.

const TICKS = { sent: "✓", delivered: "✓✓", seen: "✓✓", failed: "not shown", expired: "expired" };

// A bubble of the chat; a tap on a button of its is told to `onTap`, which answers with an address.
export function bubble(one, onTap) {
  const { message } = one;
  const box = el("div", { className: "bubble" });
  Object.assign(box.dataset, {
    state: one.state,
    author: one.author,
    token: one.message_token,
    type: message.type ?? "keyboard",
  });
  const sender = one.author === "bot" && message.sender?.name;
  if (sender) box.append(el("div", { className: "sender" }, sender));
  box.append(...body(message, one.message_token, onTap));
  const time = new Date(one.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const ticks = el("span", { className: "ticks", role: "img" }, TICKS[one.state] ?? one.state);
  ticks.setAttribute("aria-label", one.state);
  ticks.title = one.reason || one.state;
  box.append(el("div", { className: "foot" }, el("time", { dateTime: one.at }, time), ticks));
  return box;
}

function body(message, token, onTap) {
  const draw = DRAW[message.type];
  const parts = draw ? draw(message, token, onTap) : [el("em", {}, message.type ? `(${message.type})` : "(a keyboard)")];
  if (message.text && message.type !== "text") parts.push(text(message.text));
  return parts;
}

const DRAW = {
  text: (message) => [text(message.text)],
  picture: (message) => [
    link(message.media, el("img", { className: "media", src: safe(message.media), alt: message.text || "picture" })),
  ],
  video: (message) => [
    piece("▶", link(message.media, "Video"), [size(message.size), message.duration && `${message.duration} s`]),
  ],
  file: (message) => [piece("FILE", link(message.media, message.file_name ?? "file"), [size(message.size)])],
  contact: (message) => [
    piece("TEL", el("span", {}, message.contact?.name ?? "Contact"), [message.contact?.phone_number]),
  ],
  location: ({ location: place }) => [
    piece(
      "MAP",
      link(`https://www.openstreetmap.org/?mlat=${place?.lat}&mlon=${place?.lon}#map=16/${place?.lat}/${place?.lon}`, "Location"),
      [`${place?.lat}, ${place?.lon}`],
    ),
  ],
  url: (message) => [link(message.media, message.media)],
  sticker: (message) => [el("div", { className: "sticker" }, `Sticker ${message.sticker_id}`)],
  rich_media: (message, token, onTap) => [richMedia(message.rich_media ?? {}, token, onTap)],
};

function text(content) {
  return el("div", { className: "text" }, String(content));
}

function piece(mark, title, facts) {
  const lines = el("div", {}, title, el("div", { className: "quiet" }, facts.filter(Boolean).join(" · ")));
  const badge = el("span", { className: "mark" }, mark);
  badge.setAttribute("aria-hidden", "true");
  return el("div", { className: "piece" }, badge, lines);
}

function richMedia(media, token, onTap) {
  const columns = media.ButtonsGroupColumns ?? 6;
  const cells = columns * (media.ButtonsGroupRows ?? 7);
  const cards = el("div", { className: "cards" });
  let card;
  let room = 0;
  (media.Buttons ?? []).forEach((button, index) => {
    const area = (button.Columns ?? columns) * (button.Rows ?? 1);
    if (!card || area > room) {
      card = el("div", { className: "grid" });
      card.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
      cards.append(card);
      room = cells;
    }
    room -= area;
    card.append(tapButton(button, index, { token, columns, onTap }));
  });
  return cards;
}

// A button of a card or of a keyboard, at its place among its like.
export function tapButton(button, index, { token, columns = 6, onTap }) {
  const label = plain(button.Text) || button.ActionBody || "button";
  const one = el("button", { type: "button", title: button.ActionType ?? "reply" }, plain(button.Text));
  one.setAttribute("aria-label", label);
  one.dataset.action = button.ActionType ?? "reply";
  one.style.gridColumn = `span ${Math.min(button.Columns ?? columns, columns)}`;
  one.style.gridRow = `span ${button.Rows ?? 1}`;
  if (/^#[0-9a-f]{6}$/i.test(button.BgColor ?? "")) {
    one.style.backgroundColor = button.BgColor;
    one.style.color = isDark(button.BgColor) ? "#ffffff" : "#1f1b2e";
  }
  if (button.Image && safe(button.Image)) one.style.backgroundImage = `url("${encodeURI(button.Image)}")`;
  one.onclick = async () => {
    const answer = await onTap({ button: index, message_token: token ?? null });
    if (answer?.url && safe(answer.url)) window.open(answer.url, "_blank", "noopener");
  };
  return one;
}

const plain = (markup) => new DOMParser().parseFromString(markup ?? "", "text/html").body.textContent;

function isDark(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return red * 0.299 + green * 0.587 + blue * 0.114 < 140;
}

function safe(address) {
  return /^(https?|viber):/i.test(address ?? "") ? address : "";
}

function link(address, ...content) {
  return safe(address) ? el("a", { href: address, target: "_blank", rel: "noopener" }, ...content) : el("span", {}, ...content);
}

const size = (bytes) => (bytes ? `${(bytes / 1024).toFixed(1)} kB` : "");

export function el(tag, properties, ...content) {
  const node = Object.assign(document.createElement(tag), properties);
  if (properties?.role) node.setAttribute("role", properties.role);
  node.append(...content.filter((item) => item !== undefined && item !== null));
  return node;
}
