// The phones' page: shows /control/state and does what a thumb would do.

import { bubble, el, tapButton } from "./bubbles.js";

const POLL_MS = 1000;
const STICKER_ID = 46105;
const SILENCE = "The emulator does not answer.";

const $ = (id) => document.getElementById(id);
const state = { version: -1, bots: [], phones: [], callbacks: [], samples: {} };
const chosen = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const shown = new Map();

// Talking to the emulator

async function call(path, body) {
  const raw = body instanceof Blob;
  const response = await fetch(`/control${path}`, {
    method: "POST",
    body: raw ? body : JSON.stringify(body ?? {}),
  });
  const answer = await response.json();
  notice(response.ok ? "" : answer.error);
  await refresh();
  return response.ok ? answer : null;
}

async function refresh() {
  let news;
  try {
    news = await (await fetch(`/control/state?since=${state.version}`)).json();
  } catch {
    notice(SILENCE);
    return;
  }
  if ($("notice").textContent === SILENCE) notice("");
  if (news.changed) {
    Object.assign(state, news);
    render();
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, POLL_MS);
}

const phone = () => state.phones.find((one) => one.id === chosen.phone) ?? state.phones[0];
const bot = () => state.bots.find((one) => one.uri === chosen.bot) ?? state.bots[0];
const chat = () => phone()?.chats[bot()?.uri];
const onPhone = (action, body) =>
  phone() && bot()
    ? call(`/phones/${encodeURIComponent(phone().id)}/${action}`, { bot: bot().uri, ...body })
    : notice("Add a phone and a bot first.");
const setPhone = (changes) => call(`/phones/${encodeURIComponent(phone().id)}/settings`, changes);
const setFaults = (next) => call(`/bots/${encodeURIComponent(bot().uri)}/faults`, { next });

function choose(what) {
  Object.assign(chosen, what);
  location.hash = new URLSearchParams(chosen);
  render();
}

function notice(text) {
  $("notice").textContent = text;
}

// Showing the state

function render() {
  $("clock").textContent = state.now ? new Date(state.now).toLocaleString() : "";
  part("phones", [state.phones.map(tabFacts), phone()?.id], () => state.phones.map(tab));
  part("bot", [state.bots.map((one) => [one.uri, one.name]), bot()?.uri], () =>
    state.bots.map((one) => el("option", { value: one.uri, selected: one === bot() }, one.name)),
  );
  part("messages", [phone()?.id, bot()?.uri, chat()?.messages], bubbles);
  showNewest();
  part("keyboard", [chat()?.keyboard, phone()?.id, bot()?.uri], () =>
    (chat()?.keyboard?.Buttons ?? []).map((button, index) => tapButton(button, index, { onTap: tap })),
  );
  renderPerson();
  renderBot();
  part("callbacks", state.callbacks, () => state.callbacks.map(callbackRow));
  $("hold").textContent = state.holding ? `Holding ${state.held}` : "Hold receipts";
  $("hold").setAttribute("aria-pressed", String(state.holding));
}

// Rebuilds an element only when its facts changed, so that focus and scrolling survive.
function part(id, facts, build) {
  const print = JSON.stringify(facts) ?? "";
  if (shown.get(id) === print) return;
  shown.set(id, print);
  const box = $(id);
  const focused = [...box.children].indexOf(document.activeElement);
  const top = box.scrollTop;
  box.replaceChildren(...build());
  box.children[focused]?.focus();
  box.scrollTop = top;
}

// Shows the newest bubble when there is one more, also after its picture has come;
// a mere change of ticks leaves the reader where he was.
function showNewest() {
  const last = `${phone()?.id} ${bot()?.uri} ${chat()?.messages.length}`;
  if (shown.get("newest") === last) return;
  shown.set("newest", last);
  const box = $("messages");
  const down = () => (box.scrollTop = box.scrollHeight);
  for (const picture of box.querySelectorAll("img")) picture.addEventListener("load", down, { once: true });
  down();
}

const unread = (one) => Object.values(one.chats).reduce((sum, item) => sum + item.unread, 0);
const tabFacts = (one) => [one.id, one.name, one.avatar, one.online, unread(one)];

function tab(one) {
  const button = el("button", { type: "button", role: "tab" });
  button.dataset.phone = one.id;
  button.setAttribute("aria-selected", String(one === phone()));
  button.setAttribute("aria-controls", "screen");
  if (one.avatar) button.append(el("img", { src: one.avatar, alt: "", className: one.online ? "" : "off" }));
  button.append(el("span", {}, one.name));
  if (!one.online) button.append(el("span", { className: "quiet" }, "offline"));
  if (unread(one)) button.append(el("span", { className: "badge", title: "unread" }, String(unread(one))));
  button.tabIndex = one === phone() ? 0 : -1;
  button.onclick = () => choose({ phone: one.id });
  return button;
}

function renderPerson() {
  const one = phone();
  const ready = Boolean(one?.online && bot()?.webhook);
  $("person").textContent = one
    ? [one.name, one.country, one.language, one.phone_number && `+${one.phone_number.replace(/^\+/, "")}`]
        .filter(Boolean)
        .join(" · ")
    : "No phone yet.";
  $("online").checked = Boolean(one?.online);
  $("auto-read").checked = Boolean(one?.auto_read);
  for (const radio of document.getElementsByName("devices")) radio.checked = Number(radio.value) === one?.devices;
  $("subscribe").disabled = !ready || chat()?.subscribed === true;
  $("unsubscribe").disabled = !ready || !chat()?.subscribed;
  for (const id of ["send", "open", "read"]) $(id).disabled = !ready;
  for (const button of $("attach").querySelectorAll("button, input")) button.disabled = !ready;
  $("bot-icon").src = bot()?.icon ?? "/media/avatar-none/icon.png";
  $("chat-state").textContent = chatState(one);
}

function chatState(one) {
  if (!bot()) return "no bot yet";
  if (!bot().webhook) return "chat is off: the bot has no webhook";
  if (!one?.online) return "this phone is offline";
  const parts = [chat()?.subscribed ? "subscribed" : "not subscribed"];
  if (chat()?.in_session) parts.push("session open");
  return parts.join(" · ");
}

function renderBot() {
  const one = bot();
  part("bot-facts", one && [one.key, one.webhook, one.uri, one.name], () => (one ? botFacts(one) : []));
  part("fault-queue", one?.faults, () => (one?.faults ?? []).map((fault) => el("li", {}, faultText(fault))));
}

function botFacts(one) {
  const copy = el("button", { type: "button" }, "Copy key");
  copy.onclick = async () => {
    await navigator.clipboard.writeText(one.key);
    notice("");
    copy.textContent = "Copied";
  };
  return [
    ["Name", `${one.name} (${one.uri})`],
    ["Webhook", one.webhook || "none yet"],
    ["Key", el("code", {}, one.key), " ", copy],
  ].flatMap(([term, ...facts]) => [el("dt", {}, term), el("dd", {}, ...facts)]);
}

function faultText(fault) {
  return Object.entries(fault)
    .filter(([, value]) => value)
    .map(([key, value]) => key.replaceAll("_", " ") + (value === true ? "" : `: ${value}`))
    .join(", ");
}

function callbackRow(one) {
  return el(
    "tr",
    {},
    el("td", {}, one.event),
    el("td", {}, el("code", {}, one.message_token)),
    el("td", { className: one.state }, one.state),
    el("td", {}, one.http_status ? String(one.http_status) : one.attempts ? "none" : ""),
    el("td", {}, String(one.attempts)),
  );
}

function bubbles() {
  const messages = (chat()?.messages ?? []).filter((one) => !one.silent);
  return messages.length ? messages.map((one) => bubble(one, tap)) : [el("p", { className: "empty" }, "Nothing here yet. Open the chat, or write first.")];
}

const tap = (body) => onPhone("tap", body);

// What the person does

const SEND = {
  picture: () => ({ type: "picture", media: state.samples.picture.url, thumbnail: state.samples.picture.url, text: "" }),
  file: () => {
    const { url, size: bytes, name } = state.samples.file;
    return { type: "file", media: url, size: bytes, file_name: name };
  },
  video: () => ({
    type: "video",
    media: state.samples.video.url,
    thumbnail: state.samples.picture.url,
    size: state.samples.video.size,
    duration: 4,
  }),
  sticker: () => ({ type: "sticker", sticker_id: STICKER_ID }),
  location: () => ({ type: "location", location: { lat: 50.4501, lon: 30.5234 } }),
  contact: () => ({ type: "contact", contact: { name: "Степан Гончар", phone_number: "380501112233" } }),
  url: () => ({ type: "url", media: "https://example.com/каталог?q=кава" }),
};

function typeOfFile(file) {
  if (file.type.startsWith("image/")) return "picture";
  return file.type.startsWith("video/") ? "video" : "file";
}

async function upload(file) {
  const stored = await call(`/media?name=${encodeURIComponent(file.name)}`, file);
  if (!stored) return;
  const type = typeOfFile(file);
  const message = { type, media: stored.url };
  if (type !== "picture") message.size = stored.size;
  if (type === "picture") message.thumbnail = stored.url;
  if (type === "file") message.file_name = file.name;
  await onPhone("messages", message);
}

async function send(event) {
  event.preventDefault();
  const content = $("compose").value.trim();
  if (!content || $("send").disabled) return;
  $("compose").value = "";
  const sent = await onPhone("messages", { type: "text", text: content });
  if (!sent && !$("compose").value) $("compose").value = content;
}

function faultFrom(kind, value) {
  if (kind === "lose_answer" || kind === "lose_request") return { [kind]: true };
  if (kind === "fail_after") return { fail_after: value || "failed on the phone" };
  return { [kind]: Number(value) };
}

function listen() {
  $("composer").onsubmit = send;
  $("compose").onkeydown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  for (const button of $("attach").querySelectorAll("[data-send]")) {
    button.onclick = () => onPhone("messages", SEND[button.dataset.send]());
  }
  $("phones").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (state.phones.indexOf(phone()) + step + state.phones.length) % state.phones.length;
    choose({ phone: state.phones[next].id });
    $("phones").children[next].focus();
  };
  $("upload").onchange = async () => {
    for (const file of $("upload").files) await upload(file);
    $("upload").value = "";
  };
  $("bot").onchange = () => choose({ bot: $("bot").value });
  $("read").onclick = () => onPhone("read");
  $("subscribe").onclick = () => onPhone("subscribe");
  $("unsubscribe").onclick = () => onPhone("unsubscribe");
  $("online").onchange = () => setPhone({ online: $("online").checked });
  $("auto-read").onchange = () => setPhone({ auto_read: $("auto-read").checked });
  $("devices").onchange = (event) => setPhone({ devices: Number(event.target.value) });
  $("deep-link").onsubmit = (event) => {
    event.preventDefault();
    onPhone("open", { context: $("context").value });
  };
  $("faults").onsubmit = (event) => {
    event.preventDefault();
    setFaults([...bot().faults, faultFrom($("fault").value, $("fault-value").value)]);
  };
  $("clear-faults").onclick = () => setFaults([]);
  $("hold").onclick = () => call("/hold", { on: !state.holding });
  $("release").onclick = () => call("/release", { order: "forward" });
  $("release-reverse").onclick = () => call("/release", { order: "reverse" });
  $("duplicate").onclick = () => call("/duplicate", { count: 1 });
  $("new-phone").onsubmit = async (event) => {
    event.preventDefault();
    const [name, country, language] = ["phone-name", "phone-country", "phone-language"].map((id) => $(id).value);
    const added = await call("/phones", { name, country, language });
    if (added) choose({ phone: added.id });
  };
  $("new-bot").onsubmit = async (event) => {
    event.preventDefault();
    const added = await call("/bots", { name: $("bot-name").value, uri: $("bot-uri").value });
    if (added) choose({ bot: added.uri });
  };
}

listen();
poll();
