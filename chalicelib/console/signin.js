// Signing in: password, the first password of one's own, a forgotten one.

import { html, useEffect, useRef, useState } from "./view.js";
import { t } from "./i18n.js";
import { askReset, isExpired, meetNewPassword, resetPassword, signIn } from "./session.js";
import { Refusal, TextField, useAct } from "./widgets.js";
import { LanguageSelect } from "./shell.js";

export function SignIn() {
  const [step, setStep] = useState("password");
  const [email, setEmail] = useState("");
  const [challenge, setChallenge] = useState(null);
  const [isReset, setReset] = useState(false);
  const head = useRef(null);
  useEffect(() => {
    if (step !== "password") head.current.focus();
  }, [step]);

  const titles = {
    password: t("signin.title"),
    challenge: t("signin.new_title"),
    forgot: t("signin.forgot_title"),
    reset: t("signin.reset_title"),
  };
  return html`<main class="signin" id="main">
    <div class="signin-card" data-testid="sign-in" data-step=${step}>
      <p class="brand"><img src="console/icon.svg" alt="" width="32" height="32" /> Viberdesk</p>
      <h1 tabindex="-1" ref=${head}>${titles[step]}</h1>
      ${step === "password" &&
      html`<${Password}
        ...${{ email, setEmail, isReset }}
        onChallenge=${(met) => {
          setChallenge(met);
          setStep("challenge");
        }}
        onForgot=${() => setStep("forgot")}
      />`}
      ${step === "challenge" &&
      html`<${NewPassword}
        onSubmit=${(password) => meetNewPassword(email, challenge.session, password)}
      />`}
      ${step === "forgot" &&
      html`<${Forgot} ...${{ email, setEmail }} onSent=${() => setStep("reset")} />`}
      ${step === "reset" &&
      html`<${NewPassword}
        withCode
        onSubmit=${async (password, code) => {
          await resetPassword(email, code, password);
          setReset(true);
          setStep("password");
        }}
      />`}
      ${step !== "password" &&
      html`<button
        type="button"
        class="quiet"
        data-testid="sign-in-back"
        onClick=${() => setStep("password")}
      >
        ${t("signin.back")}
      </button>`}
    </div>
    <${LanguageSelect} />
  </main>`;
}

function Password({ email, setEmail, isReset, onChallenge, onForgot }) {
  const [password, setPassword] = useState("");
  const { busy, problem, run } = useAct(async () => {
    const challenge = await signIn(email.trim(), password);
    if (challenge) onChallenge(challenge);
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  return html`<form onSubmit=${submit}>
    ${isExpired.value &&
    !problem &&
    html`<p class="notice" role="status">${t("signin.expired")}</p>`}
    ${isReset && !problem && html`<p class="notice" role="status">${t("signin.reset_done")}</p>`}
    ${problem?.status === 401
      ? html`<p class="refusal" role="alert" data-testid="problem" data-kind="unauthorized">
          ${t("signin.wrong")}
        </p>`
      : html`<${Refusal} problem=${problem} />`}
    <${Email} value=${email} onValue=${setEmail} />
    <${TextField}
      type="password"
      label=${t("signin.password")}
      autocomplete="current-password"
      required
      value=${password}
      onValue=${setPassword}
      testid="sign-in-password"
    />
    <button type="submit" class="primary wide" disabled=${busy} data-testid="sign-in-submit">
      ${busy ? t("common.waiting") : t("signin.submit")}
    </button>
    <button type="button" class="quiet" data-testid="sign-in-forgot" onClick=${onForgot}>
      ${t("signin.forgot")}
    </button>
  </form>`;
}

// A password of one's own, at the first sign-in or with the code of a reset.
function NewPassword({ withCode = false, onSubmit }) {
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [isDifferent, setDifferent] = useState(false);
  const { busy, problem, run } = useAct(() => onSubmit(password, code.trim()));
  const submit = (event) => {
    event.preventDefault();
    setDifferent(password !== again);
    if (password === again) run();
  };
  const isOurs = ["new_password", "code"].includes(problem?.field);
  return html`<form onSubmit=${submit}>
    <p class="hint">${withCode ? t("signin.reset_hint") : t("signin.new_hint")}</p>
    ${!isOurs && html`<${Refusal} problem=${problem} />`}
    ${withCode &&
    html`<${TextField}
      label=${t("signin.code")}
      name="code"
      problem=${problem}
      autocomplete="one-time-code"
      inputmode="numeric"
      required
      value=${code}
      onValue=${setCode}
      testid="sign-in-code"
    />`}
    <${TextField}
      type="password"
      label=${t("signin.new_password")}
      name="new_password"
      problem=${problem}
      autocomplete="new-password"
      required
      value=${password}
      onValue=${setPassword}
      testid="sign-in-new-password"
    />
    <${TextField}
      type="password"
      label=${t("signin.repeat")}
      autocomplete="new-password"
      required
      value=${again}
      onValue=${setAgain}
      testid="sign-in-repeat"
    />
    ${isDifferent && html`<p class="wrong" role="alert">${t("signin.different")}</p>`}
    <button type="submit" class="primary wide" disabled=${busy} data-testid="sign-in-new-submit">
      ${busy ? t("common.waiting") : t("signin.save_password")}
    </button>
  </form>`;
}

function Forgot({ email, setEmail, onSent }) {
  const { busy, problem, run } = useAct(() => askReset(email.trim()));
  const submit = async (event) => {
    event.preventDefault();
    if (await run()) onSent();
  };
  return html`<form onSubmit=${submit}>
    <p class="hint">${t("signin.forgot_hint")}</p>
    <${Refusal} problem=${problem} />
    <${Email} value=${email} onValue=${setEmail} />
    <button type="submit" class="primary wide" disabled=${busy} data-testid="sign-in-forgot-submit">
      ${busy ? t("common.waiting") : t("signin.send_code")}
    </button>
  </form>`;
}

function Email({ value, onValue }) {
  return html`<${TextField}
    type="email"
    label=${t("signin.email")}
    autocomplete="username"
    required
    value=${value}
    onValue=${onValue}
    testid="sign-in-email"
  />`;
}
