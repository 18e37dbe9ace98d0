// The money there will be, day by day, drawn as a line; the table beside it says the same.

import { html } from "./view.js";
import { t } from "./i18n.js";
import { CURRENCY, estimate } from "./money.js";
import { monthName } from "./times.js";

const WIDTH = 720;
const HEIGHT = 210;
const LEFT = 8;
const FOOT = 22;
const TOP = 28;
// On a phone letters are the largest: so many names of months, each so wide, stand beside another.
const NAMES_MOST = 4;
const NAME_WIDTH = 165;

export function Chart({ days }) {
  if (days.length < 2) return null;
  const values = days.map((day) => Number(day.available.amount));
  const most = Math.max(1, ...values);
  const x = (place) => LEFT + (place / (days.length - 1)) * (WIDTH - 2 * LEFT);
  const y = (value) => TOP + (1 - value / most) * (HEIGHT - TOP - FOOT);
  const points = values.map((value, place) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
  const floor = HEIGHT - FOOT;
  const area = `${LEFT},${floor} ${points.join(" ")} ${WIDTH - LEFT},${floor}`;
  const months = days
    .map((day, place) => [day.name, place])
    .filter(([name]) => name.endsWith("-01"));
  const every = Math.ceil(months.length / NAMES_MOST);
  const isNamed = (turn, place) => turn % every === 0 && x(place) + NAME_WIDTH <= WIDTH;
  return html`<figure class="chart" data-testid="chart">
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${t("forecast.chart")}>
      ${months.map(
        ([name, place], turn) => html`<g key=${name}>
          <line class="grid" x1=${x(place)} y1=${TOP} x2=${x(place)} y2=${floor} />
          ${isNamed(turn, place) &&
          html`<text x=${x(place) + 3} y=${HEIGHT - 6}>${monthName(name.slice(0, 7))}</text>`}
        </g>`,
      )}
      <polygon class="area" points=${area} />
      <polyline class="line" points=${points.join(" ")} />
      <line class="axis" x1=${LEFT} y1=${floor} x2=${WIDTH - LEFT} y2=${floor} />
      <text x=${LEFT} y=${TOP - 8}>
        ${estimate({ amount: String(most), currency: CURRENCY })}
      </text>
    </svg>
    <figcaption class="hint">${t("forecast.chart")}</figcaption>
  </figure>`;
}
