// Files made by the API: read in as many pages as they have, joined, and handed to the browser.

import { html, useState } from "./view.js";
import { call } from "./api.js";
import { language, t } from "./i18n.js";
import { count } from "./money.js";
import { Choice, Field, Refusal, useAct } from "./widgets.js";

// What parts the cells: spreadsheets of different countries expect different signs.
const DELIMITERS = ["comma", "semicolon", "tab"];

// A button that saves a file of all that `query` finds at `path`.
export function Download({ path, query, name }) {
  const [delimiter, setDelimiter] = useState("comma");
  const [pages, setPages] = useState(0);
  const { busy, problem, run } = useAct(async () => {
    setPages(0);
    const asked = { ...query, language: language.value, delimiter };
    save(await readAll(path, asked, setPages), name);
  });
  const control = (ties) => html`<${Choice}
    ...${ties}
    value=${delimiter}
    options=${DELIMITERS.map((word) => [word, nameOf(word)])}
    testid="delimiter"
    onValue=${setDelimiter}
  />`;
  return html`<div class="narrowing">
    <${Field} label=${t("download.delimiter")} control=${control} />
    <button type="button" disabled=${busy} data-testid="download" onClick=${run}>
      ${busy ? t("download.reading", { pages: count(pages) }) : t("download.csv")}
    </button>
    <${Refusal} problem=${problem} onRetry=${run} />
  </div>`;
}

export async function readAll(path, query, onPage = () => {}) {
  const pages = [];
  let cursor = null;
  do {
    const answer = await call("GET", path, { query: { ...query, cursor } });
    pages.push(answer.data);
    cursor = answer.cursor;
    onPage(pages.length);
  } while (cursor);
  return pages.join("");
}

export function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
  // The browser may still be reading it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function nameOf(delimiter) {
  if (delimiter === "comma") return t("download.comma");
  return delimiter === "semicolon" ? t("download.semicolon") : t("download.tab");
}
