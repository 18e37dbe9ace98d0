// The connection request: Viber's ten fields in their order, what it is for, and its deposit.

import { html, useEffect, useRef, useState } from "./view.js";
import { newKey, post } from "./api.js";
import { families, t, told, woven } from "./i18n.js";
import { useOne, usePages } from "./pages.js";
import { cost, isBelow, isZero } from "./money.js";
import { go, route, to } from "./routes.js";
import { Loading, problemAt, Refusal, showToast, useAct } from "./widgets.js";
import { Link } from "./content.js";
import { CountryField, FormText, Inquiry, Purpose, TypeField, YesNo } from "./form-fields.js";
import { wrongIn } from "./form-checks.js";
import { TERMS, useTerms } from "./terms.js";

const EMPTY = {
  has_read_terms: null,
  first_name: "",
  last_name: "",
  work_email: "",
  country: "",
  company_name: "",
  company_website: "",
  has_business_account: null,
  company_type: "",
  inquiry: "",
};

export function RequestFormPage() {
  const { purpose = "new", bot = "" } = route.value.query;
  const [wish, setWish] = useState({ purpose, bot_id: bot });
  const [form, setForm] = useState(EMPTY);
  const [wrong, setWrong] = useState([]);
  const [tries, setTries] = useState(0);
  const [key, setKey] = useState(newKey);
  const bots = usePages("bots", 200);
  const balance = useOne("balance");
  const terms = useTerms();
  const box = useRef(null);
  const { busy, problem, run } = useAct(async (body) => {
    await post("requests", body, { key });
    showToast(t("requests.sent"));
    go(to.requests);
  });
  const refused = atField(problem);
  const shown = wrong.length > 0 || !refused ? wrong : [refused];
  // One is called out; of several the first is read out where the focus goes.
  const isQuiet = shown.length > 1;
  const problemOf = (name) => {
    const found = shown.find((each) => each.field === name);
    return found ? { ...found, isQuiet } : null;
  };
  // The first that is wrong, after each try.
  useEffect(() => {
    if (shown.length > 0) box.current?.querySelector("[aria-invalid=true]")?.focus();
  }, [tries, busy]);

  const set = (name, value) => {
    setForm({ ...form, [name]: value });
    // Another wish needs a key of its own, or the server takes it for the first one.
    setKey(newKey());
    setWrong(wrong.filter((each) => each.field !== name));
  };
  const submit = (event) => {
    event.preventDefault();
    const found = wrongIn(form, wish);
    setWrong(found);
    setTries(tries + 1);
    if (found.length > 0) return;
    const { purpose: chosen, bot_id } = wish;
    run({ purpose: chosen, form, bot_id: chosen === "new" ? null : bot_id });
  };
  const field = (name) => ({
    name,
    value: form[name],
    problem: problemOf(name),
    label: told("field", name),
    onValue: (value) => set(name, value),
  });
  const why = whyNot(balance.data, terms);
  if (!terms || !balance.data || !bots.items) {
    const failed = [balance, bots].find((each) => each.problem);
    return html`<section class="block">
      ${failed
        ? html`<${Refusal} problem=${failed.problem} onRetry=${failed.reload} />`
        : html`<${Loading} />`}
    </section>`;
  }
  return html`<section class="block" ref=${box}>
    <h2>${t("requests.send")}</h2>
    <${Deposit} terms=${terms} />
    ${why &&
    html`<p class="notice" data-testid="short-of-money">
      ${why} <a href=${to.money}>${t("top_up.title")}</a>
    </p>`}
    <p class="notice plain" data-testid="in-english">${t("form.in_english")}</p>
    <form class="narrow" onSubmit=${submit} novalidate data-testid="request-form">
      <${Purpose}
        wish=${wish}
        bots=${bots.items}
        problem=${problemOf("bot_id")}
        onWish=${(changed) => {
          setWish(changed);
          setKey(newKey());
          setWrong(wrong.filter((each) => each.field !== "bot_id"));
        }}
      />
      <${YesNo}
        ...${field("has_read_terms")}
        hint=${woven("form.terms_hint", {
          terms: html`<${Link} key="terms" address=${TERMS} text=${t("bots.paid_terms")} />`,
        })}
      />
      <${FormText} ...${field("first_name")} autocomplete="given-name" />
      <${FormText} ...${field("last_name")} autocomplete="family-name" />
      <${FormText} ...${field("work_email")} type="email" autocomplete="email" />
      <${CountryField} ...${field("country")} />
      <${FormText} ...${field("company_name")} autocomplete="organization" />
      <${FormText}
        ...${field("company_website")}
        type="url"
        autocomplete="url"
        placeholder="https://"
      />
      <${YesNo} ...${field("has_business_account")} />
      <${TypeField} ...${field("company_type")} options=${families.company_type} />
      <${Inquiry} ...${field("inquiry")} />
      ${problem && shown.length === 0 && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button
          type="submit"
          class="primary"
          disabled=${busy || Boolean(why)}
          data-testid="request-submit"
        >
          ${busy
            ? t("common.waiting")
            : t("requests.send_for", { amount: cost(terms.deposit) })}
        </button>
        <a class="button" href=${to.requests}>${t("common.cancel")}</a>
      </div>
    </form>
  </section>`;
}

// What the deposit is for, before it is given.
function Deposit({ terms }) {
  const rest = Number(terms.deposit.amount) - Number(terms.activation.amount);
  const deposit = cost(terms.deposit);
  const activation = cost(terms.activation);
  const kept = cost({ ...terms.deposit, amount: String(rest) });
  const fee = cost(terms.maintenance_fee);
  return html`<ul class="bullets" data-testid="deposit-note">
    <li>${t("requests.deposit_kept", { deposit })}</li>
    <li>${t("requests.deposit_spent", { activation, rest: kept, fee })}</li>
    <li>${t("requests.deposit_returned", { deposit })}</li>
  </ul>`;
}

// The server decides; this only says beforehand what it would say.
function whyNot(balance, terms) {
  if (!balance || !terms) return null;
  if (!isZero(balance.owed)) return t("requests.owing", { owed: cost(balance.owed) });
  if (!isBelow(balance.available, terms.deposit)) return null;
  const [deposit, available] = [cost(terms.deposit), cost(balance.available)];
  return t("requests.short", { deposit, available });
}

// The server names a field of the form as form.country.
function atField(problem) {
  const name = problem?.field?.replace(/^form\./, "");
  const isHere = name in EMPTY || name === "bot_id";
  return isHere ? { ...problemAt(problem, problem.field), field: name } : null;
}
