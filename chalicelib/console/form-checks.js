// What can be told of a connection request before the server sees it, in the person's language.

import { t } from "./i18n.js";

const FOREIGN = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const TEXTS = [
  "first_name", "last_name", "work_email", "country", "company_name", "company_website",
  "company_type", "inquiry",
];

// The first field that is wrong, as {field, text}; null where nothing is to be seen.
export function wrongIn(form, wish) {
  if (wish.purpose !== "new" && !wish.bot_id) return { field: "bot_id", text: t("form.no_bot") };
  if (form.has_read_terms === null) return { field: "has_read_terms", text: t("form.choose") };
  if (!form.has_read_terms) return { field: "has_read_terms", text: t("form.read_terms") };
  const found = TEXTS.map((field) => ({ field, text: wrongText(field, form[field].trim()) }));
  const business = form.has_business_account === null && {
    field: "has_business_account",
    text: t("form.choose"),
  };
  const at = TEXTS.indexOf("company_type");
  return [...found.slice(0, at), business, ...found.slice(at)].find((each) => each?.text) ?? null;
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
