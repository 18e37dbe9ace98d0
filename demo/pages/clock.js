// The clock's page: shows business time as it runs, and moves it.

const ASK_EVERY_MS = 2_000;
const SHOW_EVERY_MS = 250;
// By then what the jump made due has run.
const ASK_AFTER_MOVE_MS = 600;
const KYIV = "Europe/Kyiv";
const LOCALE = "en-GB";

let state = null;
// How far business time is ahead of this page's own clock.
let ahead_ms = 0;

const $ = (id) => document.getElementById(id);

async function ask(move) {
  const request = move && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(move),
  };
  try {
    const response = await fetch("/clock/state", request);
    const told = await response.json();
    if (!response.ok) throw new Error(told.error);
    state = told;
    ahead_ms = new Date(told.now) - Date.now();
    $("notice").textContent = "";
    show();
    showRest();
  } catch (error) {
    $("notice").textContent = `The demo does not answer (${error.message}).`;
  }
}

function show() {
  if (!state) return;
  const now = new Date(Date.now() + ahead_ms);
  for (const [id, timeZone] of [["kyiv", KYIV], ["utc", "UTC"]]) {
    const time = $(`${id}-time`);
    time.textContent = now.toLocaleTimeString(LOCALE, { timeZone });
    time.dateTime = now.toISOString();
    $(`${id}-date`).textContent = now.toLocaleDateString(LOCALE, { timeZone, dateStyle: "full" });
  }
}

function showRest() {
  const seconds = state.ahead_seconds;
  $("ahead").textContent = seconds ? `${span(Math.abs(seconds))} ${seconds > 0 ? "ahead of" : "behind"} real time` : "On real time";
  $("ahead").className = seconds ? "moved" : "";
  $("links").replaceChildren(...state.links.filter((link) => link.title !== "Clock").map(link));
  $("jobs").replaceChildren(...state.jobs.map(row));
}

function link({ title, url }) {
  const one = document.createElement("a");
  Object.assign(one, { href: url, textContent: title });
  return one;
}

function row(job) {
  const line = document.createElement("tr");
  line.dataset.job = job.name;
  const cells = [job.name, span(job.every_seconds), job.trouble ?? short(job.last_at), short(job.due_at)];
  line.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
  if (job.trouble) line.children[2].className = "bad";
  return line;
}

function short(at) {
  if (!at) return "not yet";
  return new Date(at).toLocaleString(LOCALE, { timeZone: KYIV, day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function span(seconds) {
  const parts = [];
  let left = seconds;
  for (const [word, size] of [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]]) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${word}${count === 1 ? "" : "s"}`);
  }
  return parts.slice(0, 2).join(" ");
}

for (const button of document.querySelectorAll("[data-seconds], [data-to]")) {
  button.onclick = async () => {
    button.disabled = true;
    const { seconds, to } = button.dataset;
    await ask(to ? { to } : { ahead_seconds: Number(seconds) });
    button.disabled = false;
    button.focus();
    setTimeout(ask, ASK_AFTER_MOVE_MS);
  };
}

ask();
setInterval(ask, ASK_EVERY_MS);
setInterval(show, SHOW_EVERY_MS);
