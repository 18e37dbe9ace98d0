// The account's people: who there is, inviting, removing.

import { html, useState } from "./view.js";
import { post, remove } from "./api.js";
import { t, told } from "./i18n.js";
import { readDirectory } from "./directory.js";
import { usePages } from "./pages.js";
import { me } from "./session.js";
import { full } from "./times.js";
import { Icon } from "./icons.js";
import {
  Choice, Confirm, Dialog, Face, Field, Loading, More, PageProblem, Refusal, showToast, TextField,
  useAct,
} from "./widgets.js";

export function PeoplePage() {
  const list = usePages("people");
  const [isInviting, setInviting] = useState(false);
  const [leaving, setLeaving] = useState(null);
  const changed = () => {
    list.reload();
    readDirectory();
  };
  const dismiss = async () => {
    await remove(`people/${encodeURIComponent(leaving.person_id)}`);
    changed();
  };
  return html`
    <header class="page-head">
      <h1>${t("people.title")}</h1>
      <button
        type="button"
        class="primary"
        data-testid="invite"
        onClick=${() => setInviting(true)}
      >
        <${Icon} name="plus" /> ${t("people.invite")}
      </button>
    </header>
    ${list.problem && html`<${PageProblem} problem=${list.problem} onRetry=${list.reload} />`}
    ${!list.items && !list.problem && html`<${Loading} />`}
    <ul class="lines cards">
      ${list.items?.map(
        (person) =>
          html`<${Person}
            key=${person.person_id}
            person=${person}
            onRemove=${() => setLeaving(person)}
          />`,
      )}
    </ul>
    <${More} list=${list} />
    ${isInviting && html`<${Invite} onClose=${() => setInviting(false)} onInvited=${changed} />`}
    ${leaving &&
    html`<${Confirm}
      title=${t("people.remove_title", { name: leaving.name })}
      text=${t("people.remove_text")}
      verb=${t("people.remove")}
      onYes=${dismiss}
      onClose=${() => setLeaving(null)}
    />`}
  `;
}

function Person({ person, onRemove }) {
  const { person_id, name, email, role, created_at } = person;
  const isSelf = person_id === me.value.person.person_id;
  return html`<li class="person" data-testid="person" data-person-id=${person_id}>
    <${Face} name=${name} />
    <div class="tile-words">
      <b><bdi>${name}</bdi>${isSelf && html` <span class="hint">(${t("people.self")})</span>`}</b>
      <span>${email}</span>
    </div>
    <span class=${`badge ${role === "admin" ? "accent" : ""}`}>${told("role", role) ?? role}</span>
    <span class="hint">${t("people.since", { at: full(created_at) })}</span>
    ${!isSelf &&
    html`<button
      type="button"
      class="quiet"
      aria-label=${t("people.remove_title", { name })}
      data-testid="remove-person"
      onClick=${onRemove}
    >
      ${t("people.remove")}
    </button>`}
  </li>`;
}

function Invite({ onClose, onInvited }) {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState("agent");
  const { busy, problem, run } = useAct(async () => {
    await post("people", { email: email.trim(), name: name.trim(), role });
    showToast(t("people.invited", { email: email.trim() }));
    onInvited();
    onClose();
  });
  const submit = (event) => {
    event.preventDefault();
    run();
  };
  const roles = ["agent", "admin"].map((word) => [word, told("role", word)]);
  const control = (ties) =>
    html`<${Choice} ...${ties} value=${role} options=${roles} onValue=${setRole}
      testid="invite-role" />`;
  return html`<${Dialog} title=${t("people.invite")} onClose=${onClose} testid="invite-dialog">
    <form onSubmit=${submit}>
      <p>${t("people.invite_hint")}</p>
      <${TextField}
        label=${t("people.name")}
        name="name"
        required
        value=${name}
        onValue=${setName}
        testid="invite-name"
        ...${{ problem }}
      />
      <${TextField}
        type="email"
        label=${t("people.email")}
        name="email"
        required
        value=${email}
        onValue=${setEmail}
        testid="invite-email"
        ...${{ problem }}
      />
      <${Field} label=${t("people.role")} hint=${t("people.role_hint")} control=${control} />
      ${!["name", "email"].includes(problem?.field) && html`<${Refusal} problem=${problem} />`}
      <div class="actions">
        <button type="submit" class="primary" disabled=${busy} data-testid="invite-submit">
          ${busy ? t("common.waiting") : t("people.send_invitation")}
        </button>
        <button type="button" onClick=${onClose}>${t("common.cancel")}</button>
      </div>
    </form>
  <//>`;
}
