// One price list: its prices by country, its file, and a new list made of it.

import { html, useState } from "./view.js";
import { call } from "./api.js";
import { t } from "./i18n.js";
import { useOne } from "./pages.js";
import { cost } from "./money.js";
import { go, to } from "./routes.js";
import { isOperator } from "./session.js";
import { countryName, full } from "./times.js";
import { Loading, PageProblem, Refusal, TextField, useAct } from "./widgets.js";
import { save } from "./download.js";
import { PriceEditor } from "./price-editor.js";
import { State } from "./prices.js";
import { Table } from "./table.js";

export function PriceListPage({ version }) {
  const path = `price-lists/${encodeURIComponent(version)}`;
  const { data, problem, reload } = useOne(path);
  const [isEditing, setEditing] = useState(false);
  const { busy, problem: trouble, run } = useAct(async () => {
    const file = await call("GET", `${path}/csv`);
    save(file.data, `price-list-${version}.csv`);
  });
  return html`<div class="page">
    <p><a href=${to.prices}>${t("prices.title")}</a></p>
    ${problem && html`<${PageProblem} problem=${problem} onRetry=${reload} />`}
    ${!data && !problem && html`<${Loading} />`}
    ${data &&
    html`
      <header class="page-head">
        <h1>${t("prices.number", { version })} <${State} state=${data.state} /></h1>
        <div class="actions">
          <button type="button" disabled=${busy} data-testid="export" onClick=${run}>
            ${t("download.csv")}
          </button>
          ${isOperator() &&
          html`<button
            type="button"
            class="primary"
            data-testid="edit-list"
            onClick=${() => setEditing(true)}
          >
            ${t("prices.edit")}
          </button>`}
        </div>
      </header>
      <${Refusal} problem=${trouble} />
      <p class="hint">${t("prices.from", { at: full(data.valid_from) })}</p>
      ${isEditing
        ? html`<${PriceEditor}
            default_price=${data.default.amount}
            prices=${data.prices}
            onMade=${(made) => {
              setEditing(false);
              go(to.priceList(made));
            }}
            onClose=${() => setEditing(false)}
          />`
        : html`<${Prices} list=${data} />`}
    `}
  </div>`;
}

function Prices({ list }) {
  const [sought, setSought] = useState("");
  const named = list.prices.map(({ country, price }) => ({
    country,
    price,
    name: countryName(country),
  }));
  const word = sought.trim().toLocaleLowerCase();
  const found = named.filter(
    ({ country, name }) =>
      name.toLocaleLowerCase().includes(word) || country.toLowerCase() === word,
  );
  found.sort((one, other) => one.name.localeCompare(other.name));
  const rows = found.map(({ country, name, price }) => ({
    key: country,
    "data-testid": "price",
    "data-country": country,
    cells: [`${name} (${country})`, cost(price)],
  }));
  const rest = { key: "default", "data-testid": "price", "data-country": "default" };
  return html`
    <div class="narrowing">
      <${TextField}
        type="search"
        label=${t("contact.country")}
        value=${sought}
        onValue=${setSought}
        testid="seek-country"
      />
    </div>
    <${Table}
      title=${t("prices.title")}
      heads=${[t("contact.country"), { text: t("report.price"), isNumber: true }]}
      rows=${[...rows, { ...rest, cells: [html`<b>${t("prices.default")}</b>`, cost(list.default)] }]}
    />
  `;
}
