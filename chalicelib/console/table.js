// A table: with heads where there is room, as cards with the heads as labels on a phone.

import { html } from "./view.js";

// `heads` are texts, or {text, isNumber} for numbers; each of `rows` is {key, cells, ...attributes}
// with as many cells as heads. A `dense` table has more columns than a screen has room for.
export function Table({ title, heads, rows, foot = null, testid, dense = false }) {
  const all = heads.map((head) => (typeof head === "string" ? { text: head } : head));
  const classOf = ({ isNumber }) => (isNumber ? "money" : undefined);
  const classes = `table-frame${dense ? " dense" : ""}`;
  return html`<div class=${classes} tabindex="0" role="region" aria-label=${title}>
    <table data-testid=${testid}>
      <thead>
        <tr>
          ${all.map(
            (head) =>
              html`<th key=${head.text} scope="col" class=${classOf(head)}>${head.text}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ key, cells, ...attributes }) => html`<tr key=${key} ...${attributes}>
            ${cells.map(
              (cell, place) =>
                html`<td key=${place} class=${classOf(all[place])} data-label=${all[place].text}>
                  ${cell}
                </td>`,
            )}
          </tr>`,
        )}
      </tbody>
      ${foot &&
      html`<tfoot>
        <tr>
          ${foot.map(
            (cell, place) =>
              html`<td key=${place} class=${classOf(all[place])} data-label=${all[place].text}>
                ${cell}
              </td>`,
          )}
        </tr>
      </tfoot>`}
    </table>
  </div>`;
}
