// The world's countries by their ISO 3166 codes, named and sorted in the chosen language.

import { language } from "./i18n.js";
import { countryName } from "./times.js";

const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
// Regions that browsers can name and ISO 3166 does not assign.
const NO_COUNTRIES = "AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split(" ");
const sorted = new Map();

// [code, name] of every country, for a select.
export function countryOptions() {
  const spoken = language.value;
  if (!sorted.has(spoken)) {
    const options = codes().map((code) => [code, countryName(code)]);
    const collator = new Intl.Collator(spoken);
    sorted.set(spoken, options.sort((one, other) => collator.compare(one[1], other[1])));
  }
  return sorted.get(spoken);
}

// Every pair of letters that a browser knows as a country by this very code and no older one.
function codes() {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  const pairs = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
  return pairs.filter(
    (code) =>
      names.of(code) &&
      !NO_COUNTRIES.includes(code) &&
      new Intl.Locale(`und-${code}`).region === code,
  );
}
