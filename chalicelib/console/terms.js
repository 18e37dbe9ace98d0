// What the commercial model costs on this platform, read once per sign-in.

import { signal, useEffect } from "./view.js";
import { get } from "./api.js";
import { whenLeft } from "./session.js";

// Viber's own page on the model.
export const TERMS =
  "https://help.viber.com/hc/en-us/articles/15247629658525-Bot-commercial-model";

const terms = signal(null);
let asking = null;

whenLeft(() => {
  terms.value = null;
  asking = null;
});

// {deposit, activation, maintenance_fee, fee_time_zone, …}, or null until they are known.
export function useTerms() {
  useEffect(() => {
    if (!terms.value) read();
  }, []);
  return terms.value;
}

async function read() {
  asking ??= get("commercial-terms");
  try {
    terms.value = await asking;
  } catch (problem) {
    asking = null;
    if (problem.status === undefined) throw problem;
  }
}
