// Who is signed in: start, sign in, sign out.

import { signal } from "./vendor/preact-signals.js";
import { dropAccess, get, keepAccess, post, renewAccess, whenSignedOut } from "./api.js";
import { stopAll } from "./live.js";
import { setClock } from "./times.js";

// Says only that somebody has signed in here, so that a first visit need not ask in vain.
const FLAG = "viberdesk.signed_in";
const leavers = [];
let last = null;

export const me = signal(null);
export const isExpired = signal(false);

export const isAdmin = () => me.value?.person.role === "admin";
export const isOperator = () => me.value?.person.role === "operator";

// Registers what must be forgotten when the person leaves.
export function whenLeft(forget) {
  leavers.push(forget);
}

// Goes on with the sign-in of the last visit, if there is one.
export async function resume() {
  if (!readFlag()) return;
  if (await renewAccess()) await enter();
  else writeFlag(false);
}

// Gives back null when signed in, or the challenge that has to be met first.
export async function signIn(email, password) {
  return admit(await post("sign-in", { email, password }, { anonymous: true }));
}

export async function meetNewPassword(email, session, new_password) {
  const body = { email, session, new_password };
  return admit(await post("sign-in/new-password", body, { anonymous: true }));
}

export const askReset = (email) => post("sign-in/forgot", { email }, { anonymous: true });
export const resetPassword = (email, code, new_password) =>
  post("sign-in/reset", { email, code, new_password }, { anonymous: true });

// Leaves here in any case; the server is told if it can be reached.
export async function signOut() {
  stopAll();
  try {
    await post("sign-out");
  } finally {
    leave();
    forgetAll();
  }
}

async function admit(answer) {
  if (answer.challenge) return answer.challenge;
  keepAccess(answer);
  await enter();
  return null;
}

async function enter() {
  const answer = await get("me");
  setClock({ time_zone: answer.account?.time_zone, now: answer.now });
  // After a sign-in that ran out the same person finds his drafts again; nobody else does.
  if (last !== answer.person.person_id) forgetAll();
  last = answer.person.person_id;
  isExpired.value = false;
  writeFlag(true);
  me.value = answer;
}

function leave() {
  dropAccess();
  writeFlag(false);
  me.value = null;
}

function forgetAll() {
  for (const forget of leavers) forget();
}

whenSignedOut(() => {
  isExpired.value = me.value !== null;
  leave();
});

// Storage may be switched off in the browser; then every visit begins with signing in.
function readFlag() {
  try {
    return localStorage.getItem(FLAG) === "yes";
  } catch {
    return false;
  }
}

function writeFlag(isIn) {
  try {
    if (isIn) localStorage.setItem(FLAG, "yes");
    else localStorage.removeItem(FLAG);
  } catch {
    return;
  }
}
