// What every page draws with: markup by tagged templates, hooks and signals, from one place.

import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);

export { Fragment, render } from "./vendor/preact.js";
export { useEffect, useId, useLayoutEffect, useRef, useState } from "./vendor/preact-hooks.js";
export { computed, signal } from "./vendor/preact-signals.js";
