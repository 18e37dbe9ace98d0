// What can be told of a connection request before the server sees it, in the person's language.

import { t } from "./i18n.js";

const FOREIGN = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const TEXTS = [
  "first_name", "last_name", "work_email", "country", "company_name", "company_website",
  "company_type", "inquiry",
];

// Every field that is wrong, as {field, text}.
export function wrongIn(form, wish) {
  const wrong = TEXTS.map((field) => ({ field, text: wrongText(field, form[field].trim()) }));
  const bot = wish.purpose !== "new" && !wish.bot_id && t("form.no_bot");
  const business = form.has_business_account === null && t("form.choose");
  return [
    { field: "bot_id", text: bot },
    { field: "has_read_terms", text: unread(form.has_read_terms) },
    { field: "has_business_account", text: business },
    ...wrong,
  ].filter((each) => each.text);
}

function unread(answer) {
  if (answer === null) return t("form.choose");
  return answer ? null : t("form.read_terms");
}

function wrongText(field, value) {
  if (!value) {
    return ["country", "company_type"].includes(field) ? t("form.choose") : t("form.empty");
  }
  const foreign = FOREIGN.exec(value);
  if (foreign) return t("form.not_english", { letter: foreign[0] });
  if (field === "work_email" && !EMAIL.test(value)) return t("form.no_email");
  if (field === "company_website" && !isWeb(value)) return t("form.no_website");
  return null;
}

function isWeb(value) {
  try {
    const { protocol, hostname } = new URL(value);
    return ["http:", "https:"].includes(protocol) && hostname.includes(".");
  } catch {
    return false;
  }
}
