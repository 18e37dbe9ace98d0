// The account's people and bots, read once per sign-in: for names and for choosing.

import { effect } from "./vendor/preact-signals.js";
import { signal } from "./view.js";
import { getAll } from "./api.js";
import { t } from "./i18n.js";
import { me, whenLeft } from "./session.js";

export const people = signal([]);
export const bots = signal([]);
// The platform's accounts, for its operators.
export const accounts = signal([]);

// Reads both lists again; a list that cannot be read now stays as it was.
export async function readDirectory() {
  const [readPeople, readBots] = await Promise.allSettled([getAll("people"), getAll("bots")]);
  if (readPeople.status === "fulfilled") people.value = readPeople.value;
  if (readBots.status === "fulfilled") bots.value = readBots.value;
}

export const botName = (bot_id) => bots.value.find((bot) => bot.bot_id === bot_id)?.name ?? "";

// A person's name by id; somebody who has left keeps no name here.
export function personName(person_id) {
  if (!person_id) return t("people.nobody");
  return people.value.find((person) => person.person_id === person_id)?.name ?? t("people.former");
}

// Choices for a select: everybody, and `chosen` even when he is gone.
export function peopleOptions(chosen) {
  const options = people.value.map((person) => [person.person_id, person.name]);
  if (chosen && !options.some(([id]) => id === chosen)) options.push([chosen, t("people.former")]);
  return options;
}

export const accountName = (account_id) =>
  accounts.value.find((account) => account.account_id === account_id)?.name ?? account_id;

export async function readAccounts() {
  try {
    accounts.value = await getAll("accounts");
  } catch (problem) {
    if (problem.status === undefined) throw problem;
  }
}

effect(() => {
  if (me.value?.account) readDirectory();
  else if (me.value) readAccounts();
});

whenLeft(() => {
  people.value = [];
  bots.value = [];
  accounts.value = [];
});
