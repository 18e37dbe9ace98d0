// Shows /openapi.json to people: every endpoint with who may call it, what it takes and gives.

import { h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

const html = htm.bind(h);

start();

async function start() {
  const address = new URL("../openapi.json", import.meta.url);
  const answer = await fetch(address);
  const api = await answer.json();
  render(html`<${Docs} api=${api} address=${address.href} />`, document.getElementById("docs"));
}

function Docs({ api, address }) {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]) => ({ path, method, ...told })),
  );
  const nouns = [...new Set(operations.map((each) => each.tags[0]))];
  return html`
    <h1>${api.info.title} API</h1>
    <p>${api.info.description}</p>
    <p>For programs: <a href=${address}>openapi.json</a>. Errors are problem details (RFC 9457); lists give <code>items</code> and <code>next_cursor</code>.</p>
    ${nouns.map(
      (noun) => html`
        <h2 id=${noun}>${noun.replaceAll("-", " ")}</h2>
        ${operations
          .filter((each) => each.tags[0] === noun)
          .map((each) => html`<${Operation} told=${each} schemas=${api.components.schemas} />`)}
      `,
    )}
  `;
}

function Operation({ told, schemas }) {
  const [body] = Object.values(told.requestBody?.content ?? {}).map((each) => each.schema);
  return html`
    <details id=${told.operationId}>
      <summary>
        <span class="method">${told.method.toUpperCase()}</span>
        <code>${told.path}</code> · ${told.summary.split("\n")[0]}
      </summary>
      <div>
        <p>${whoMay(told)}</p>
        ${told.parameters.length > 0 && html`<${Parameters} parameters=${told.parameters} />`}
        ${body && html`<h3>Body</h3><${Schema} schema=${body} schemas=${schemas} />`}
        ${Object.entries(told.responses).map(
          ([status, answer]) => html`<${Answer} status=${status} answer=${answer} schemas=${schemas} />`,
        )}
      </div>
    </details>
  `;
}

function Parameters({ parameters }) {
  return html`<table>
    <tbody>
      ${parameters.map(
        (each) => html`<tr>
          <td><code>${each.name}</code></td>
          <td>${each.in}${each.required ? ", required" : ""}</td>
          <td><code>${JSON.stringify(each.schema)}</code></td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

function Answer({ status, answer, schemas }) {
  const schema = answer.content?.["application/json"]?.schema;
  return html`<p><strong>${status}</strong> ${answer.description}</p>
    ${schema && html`<${Schema} schema=${schema} schemas=${schemas} />`}`;
}

function Schema({ schema, schemas }) {
  return html`<pre>${JSON.stringify(resolved(schema, schemas, 3), null, 2)}</pre>`;
}

// Named schemas are shown in place, some levels deep: nobody wants to look each one up.
function resolved(schema, schemas, depth) {
  if (Array.isArray(schema)) {
    return schema.map((each) => resolved(each, schemas, depth));
  }
  if (schema === null || typeof schema !== "object") {
    return schema;
  }
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1);
    return depth === 0 ? name : resolved(schemas[name], schemas, depth - 1);
  }
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, resolved(value, schemas, depth)]),
  );
}

function whoMay(told) {
  if (told.security?.length === 0) {
    return "For everybody, without signing in.";
  }
  const people = `People: ${told["x-roles"].join(", ")}.`;
  return told["x-scope"] ? `${people} API keys with the scope ${told["x-scope"]}.` : people;
}
