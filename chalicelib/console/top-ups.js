// Paying in: the balance's block with its button, the way back from the checkout, what was paid.

import { html, useEffect, useState } from "./view.js";
import { get, newKey, post } from "./api.js";
import { t, told } from "./i18n.js";
import { usePages } from "./pages.js";
import { cost, typed } from "./money.js";
import { go, route, to } from "./routes.js";
import { full } from "./times.js";
import { Dialog, Loading, More, problemAt, Refusal, say, TextField, useAct } from "./widgets.js";
import { Icon } from "./icons.js";

const LOOK_MS = 1_500;
const LOOKS_MOST = 80;
const UNDECIDED = ["new", "open", "pending"];
const KINDS = { paid: "good", failed: "bad", review: "bad", expired: "" };

export function TopUps({ balance, onPaid, children }) {
  const [isOpen, setOpen] = useState(false);
  const list = usePages("top-ups", 5);
  const { paid, cancelled } = route.value.query;
  const settled = () => {
    list.reload();
    onPaid();
  };
  return html`<section class="block" aria-labelledby="balance-title">
    <header class="page-head">
      <h2 id="balance-title">${t("balance.title")}</h2>
      <div class="actions">
        <a class="button" href=${to.requestForm()} data-testid="send-request">
          ${t("requests.send")}
        </a>
        <button
          type="button"
          class="primary"
          data-testid="top-up"
          onClick=${() => setOpen(true)}
        >
          <${Icon} name="plus" /> ${t("top_up.title")}
        </button>
      </div>
    </header>
    ${(paid || cancelled) &&
    html`<${Return}
      key=${paid ?? cancelled}
      top_up_id=${paid ?? cancelled}
      isCancelled=${Boolean(cancelled)}
      onSettled=${settled}
    />`}
    ${children}
    <${PaidIn} list=${list} />
    ${isOpen && html`<${TopUp} balance=${balance.data} onClose=${() => setOpen(false)} />`}
  </section>`;
}

function TopUp({ balance, onClose }) {
  const [text, setText] = useState("");
  const [key] = useState(newKey);
  const [wrong, setWrong] = useState(null);
  const { busy, problem, run } = useAct(async (amount) => {
    const { checkout_url } = await post("top-ups", { amount }, { key: `${key}-${amount.amount}` });
    location.assign(checkout_url);
  });
  const submit = (event) => {
    event.preventDefault();
    const amount = typed(text);
    const isNone = !amount || Number(amount.amount) === 0;
    setWrong(isNone ? { field: "amount", text: t("top_up.wrong") } : null);
    if (!isNone) run(amount);
  };
  const atAmount = problemAt(problem, "amount");
  return html`<${Dialog} title=${t("top_up.title")} onClose=${onClose} testid="top-up-dialog">
    <p>${t("top_up.text")}</p>
    ${balance &&
    Number(balance.owed.amount) > 0 &&
    html`<p class="notice">${t("top_up.owed", { owed: cost(balance.owed) })}</p>`}
    <form onSubmit=${submit} novalidate>
      <${TextField}
        label=${t("top_up.amount")}
        hint=${t("top_up.amount_hint")}
        inputmode="decimal"
        autocomplete="off"
        name="amount"
        value=${text}
        problem=${wrong ?? atAmount}
        testid="top-up-amount"
        onValue=${(value) => {
          setText(value);
          setWrong(null);
        }}
      />
      ${!atAmount && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="top-up-submit">
          ${busy ? t("common.waiting") : t("top_up.pay")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}

// The checkout sends people back before it tells us what became of the payment.
function Return({ top_up_id, isCancelled, onSettled }) {
  const [top_up, setTopUp] = useState(null);
  const [looks, setLooks] = useState(0);
  const [problem, setProblem] = useState(null);
  const isUndecided = !top_up || UNDECIDED.includes(top_up.state);
  const isLooking = isUndecided && !problem && looks < (isCancelled ? 1 : LOOKS_MOST);

  useEffect(() => {
    if (!isLooking) return undefined;
    const look = async () => {
      try {
        const found = await get(`top-ups/${encodeURIComponent(top_up_id)}`);
        setTopUp(found);
        if (!UNDECIDED.includes(found.state)) {
          onSettled();
          say(told("top_up", found.state) ?? "");
        }
      } catch (trouble) {
        if (trouble.status === undefined) throw trouble;
        if (!trouble.is_passing) setProblem(trouble);
      }
      setLooks((old) => old + 1);
    };
    const timer = setTimeout(look, looks === 0 ? 0 : LOOK_MS);
    return () => clearTimeout(timer);
  }, [isLooking, looks]);

  if (problem) return html`<${Refusal} problem=${problem} />`;
  const state = top_up?.state;
  const kind = state === "paid" ? "good" : KINDS[state] === "bad" ? "bad" : "";
  return html`<div
    class=${`notice returned ${kind}`}
    role="status"
    data-testid="top-up-return"
    data-state=${isCancelled && isUndecided ? "cancelled" : (state ?? "")}
  >
    <p>${wordsOf(top_up, { isCancelled, isLooking })}</p>
    <p class="actions">
      ${isCancelled &&
      top_up?.checkout_url &&
      html`<a class="button" href=${top_up.checkout_url}>${t("top_up.go_on")}</a>`}
      ${!isCancelled &&
      isUndecided &&
      !isLooking &&
      html`<button type="button" onClick=${() => setLooks(0)}>${t("common.reload")}</button>`}
      <button type="button" class="quiet" onClick=${() => go(to.money)}>
        ${t("common.close")}
      </button>
    </p>
  </div>`;
}

function wordsOf(top_up, { isCancelled, isLooking }) {
  if (!top_up) return t("common.loading");
  const amount = cost(top_up.paid ?? top_up.amount);
  if (top_up.state === "paid") return t("top_up.is_paid", { amount });
  if (top_up.state === "failed") return t("top_up.is_failed");
  if (top_up.state === "expired") return t("top_up.is_expired");
  if (top_up.state === "review") return t("top_up.is_review");
  if (isCancelled) return t("top_up.is_cancelled");
  return isLooking ? t("top_up.is_pending", { amount }) : t("top_up.is_late", { amount });
}

function PaidIn({ list }) {
  return html`<details class="more-of" data-testid="top-ups">
    <summary>${t("top_up.list")}</summary>
    <${Refusal} problem=${list.problem} onRetry=${list.reload} />
    ${!list.items && !list.problem && html`<${Loading} />`}
    ${list.items?.length === 0 && html`<p class="empty small">${t("top_up.none")}</p>`}
    <ul class="lines">
      ${list.items?.map(
        (one) => html`<li key=${one.top_up_id} data-testid="top-up-line" data-state=${one.state}>
          <div class="line-head">
            <b>${cost(one.amount)}</b>
            <span class=${`badge ${KINDS[one.state] ?? "accent"}`}>
              ${told("top_up", one.state) ?? one.state}
            </span>
            <time class="hint" datetime=${one.created_at}>${full(one.created_at)}</time>
            ${one.checkout_url &&
            html`<a href=${one.checkout_url}>${t("top_up.go_on")}</a>`}
          </div>
        </li>`,
      )}
    </ul>
    <${More} list=${list} />
  </details>`;
}
