// A new price list, written as a table: a country and its price a line, and a price for the rest.

import { html, useState } from "./view.js";
import { post } from "./api.js";
import { t } from "./i18n.js";
import { countryOptions } from "./countries.js";
import { typed } from "./money.js";
import { Choice, explain, problemAt, Refusal, showToast, TextField, useAct } from "./widgets.js";
import { Icon } from "./icons.js";
import { asInstant, ValidFrom } from "./valid-from.js";

const DECIMALS = 6;

export function PriceEditor({ default_price, prices, onMade, onClose }) {
  const [rest, setRest] = useState(default_price);
  const [lines, setLines] = useState(
    prices.map(({ country, price }) => ({ country, text: price.amount })),
  );
  const [from, setFrom] = useState("");
  const [wrong, setWrong] = useState(null);
  const { busy, problem, run } = useAct(async (body) => {
    const made = await post("price-lists", body);
    showToast(t("prices.made"));
    onMade(made.version);
  });
  const change = (place, alter) => {
    setLines(lines.map((line, at) => (at === place ? { ...line, ...alter } : line)));
    setWrong(null);
  };
  const submit = (event) => {
    event.preventDefault();
    const found = wrongIn(rest, lines);
    setWrong(found);
    if (found) return;
    run({
      default: typed(rest, DECIMALS),
      prices: lines.map(({ country, text }) => ({ country, price: typed(text, DECIMALS) })),
      valid_from: asInstant(from),
    });
  };
  const shown = wrong ?? problem;
  const isPlaced = shown?.field && /^(default|prices|valid_from)/.test(shown.field);
  return html`<section class="block" data-testid="price-editor">
    <h2>${t("prices.new")}</h2>
    <form onSubmit=${submit} novalidate>
      <div class="narrowing">
        <${TextField}
          name="default"
          label=${t("prices.default_label")}
          inputmode="decimal"
          autocomplete="off"
          value=${rest}
          problem=${problemAt(shown, "default")}
          onValue=${(value) => {
            setRest(value);
            setWrong(null);
          }}
          testid="default-price"
        />
        <${ValidFrom} value=${from} onValue=${setFrom} problem=${problemAt(shown, "valid_from")} />
      </div>
      <ol class="price-lines">
        ${lines.map(
          (line, place) =>
            html`<${Line}
              key=${place}
              ...${{ line, place, shown }}
              onChange=${(alter) => change(place, alter)}
              onRemove=${() => setLines(lines.filter((_, at) => at !== place))}
            />`,
        )}
      </ol>
      <button
        type="button"
        class="quiet"
        data-testid="add-country"
        onClick=${() => setLines([...lines, { country: "", text: "" }])}
      >
        <${Icon} name="plus" /> ${t("prices.add_country")}
      </button>
      ${shown && !isPlaced && html`<${Refusal} problem=${shown} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="save-list">
          ${busy ? t("common.waiting") : t("common.save")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  </section>`;
}

function Line({ line, place, shown, onChange, onRemove }) {
  const isWrong = shown?.field?.startsWith(`prices[${place}]`);
  return html`<li data-testid="price-line">
    <${Choice}
      aria-label=${t("contact.country")}
      value=${line.country}
      options=${[["", t("form.choose_one")], ...countryOptions()]}
      testid="line-country"
      onValue=${(country) => onChange({ country })}
    />
    <input
      aria-label=${t("prices.price_eur")}
      aria-invalid=${isWrong ? "true" : undefined}
      inputmode="decimal"
      autocomplete="off"
      value=${line.text}
      data-testid="line-price"
      onInput=${(event) => onChange({ text: event.currentTarget.value })}
    />
    <button type="button" class="bare" aria-label=${t("prices.remove")} onClick=${onRemove}>
      <${Icon} name="close" />
    </button>
    ${isWrong && html`<p class="wrong" role="alert">${explain(shown)}</p>`}
  </li>`;
}

function wrongIn(rest, lines) {
  if (!typed(rest, DECIMALS)) return { field: "default", text: t("prices.no_default") };
  const place = lines.findIndex(({ country, text }) => !country || !typed(text, DECIMALS));
  if (place >= 0) return { field: `prices[${place}]`, text: t("prices.wrong_line") };
  const twice = lines.findIndex(
    ({ country }, at) => lines.findIndex((other) => other.country === country) < at,
  );
  return twice >= 0 ? { field: `prices[${twice}]`, text: t("prices.twice") } : null;
}
