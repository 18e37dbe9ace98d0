// What the account is warned of, before it costs a message or a bot.

import { html } from "./view.js";
export function Warnings() { return null; }
