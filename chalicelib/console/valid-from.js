// From when on something new is in force: now, or an instant by the browser's own clock.

import { html } from "./view.js";
import { t } from "./i18n.js";
import { TextField } from "./widgets.js";

const HERE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

// Null where nothing is said, which is now.
export const asInstant = (local) => (local ? new Date(local).toISOString() : null);

export function ValidFrom({ value, onValue, problem }) {
  return html`<${TextField}
    type="datetime-local"
    name="valid_from"
    label=${t("prices.valid_from")}
    hint=${t("prices.valid_from_hint", { zone: HERE })}
    ...${{ value, onValue, problem }}
    testid="valid-from"
  />`;
}
