// The way to our API: tokens, time-outs and problems. Tokens live in this module's memory only.

// The page may be served under a stage's prefix, so the API is found from this file's own address.
const root = new URL("../v1/", import.meta.url);
const TIMEOUT_MS = 20_000;
const RENEW_BEFORE_MS = 30_000;
// For answers without a problem's type, as a gateway in between may give.
const KINDS = { 401: "unauthorized", 403: "forbidden", 404: "not-found", 429: "too-many-requests" };

let access = null;
let renewal = null;
let forget = () => {};

// A refusal or a failure of a call. `kind` is the end of the problem's type, "network" when no
// answer came, or "failed" when the answer was no problem we know.
export class Problem extends Error {
  constructor({ status = 0, kind, detail = "", field = null, facts = {} }) {
    super(detail || kind);
    Object.assign(this, { status, kind, detail, field, facts });
  }

  // True when the same request may be sent again and nobody knows whether the first one counted.
  get is_passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

// Calls `listener` once whenever the sign-in turns out to be over.
export function whenSignedOut(listener) {
  forget = listener;
}

export function keepAccess(answer) {
  access = {
    token: answer.access_token,
    stale_at_ms: Date.now() + answer.expires_in_seconds * 1000 - RENEW_BEFORE_MS,
  };
}

export function dropAccess() {
  access = null;
}

// Makes one call and gives back {status, data, etag, cursor}; throws Problem, or AbortError when `signal`
// was aborted. `data` is null for 204 and 304. A `csv` goes as it is, and a text comes as one.
export async function call(method, path, { anonymous, etag, ...more } = {}) {
  if (!anonymous && access && Date.now() > access.stale_at_ms) await renewAccess();
  const send = () => exchange(method, path, { anonymous, etag, ...more });
  let response = await send();
  if (response.status === 401 && !anonymous && (await renewAccess())) response = await send();
  if (response.status === 401 && !anonymous) {
    access = null;
    forget();
  }
  if (response.status === 304) return { status: 304, data: null, etag };
  if (!response.ok) throw await problemOf(response);
  const data = response.status === 204 ? null : await bodyOf(response);
  const etagNow = response.headers.get("ETag");
  const cursor = response.headers.get("X-Next-Cursor");
  return { status: response.status, data, etag: etagNow, cursor };
}

export const get = async (path, query) => (await call("GET", path, { query })).data;
export const post = async (path, body = {}, more = {}) =>
  (await call("POST", path, { body, ...more })).data;
export const patch = async (path, body) => (await call("PATCH", path, { body })).data;
export const put = async (path, body) => (await call("PUT", path, { body })).data;
export const remove = async (path) => (await call("DELETE", path)).data;

// Reads the pages of a short list, up to `most` items.
export async function getAll(path, query = {}, most = 1000) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { ...query, limit: 100, cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}

// Takes new access by the cookie that only the browser sees; false when there is no sign-in.
// Callers at the same moment share one attempt.
export function renewAccess() {
  renewal ??= (async () => {
    const response = await exchange("POST", "sign-in/refresh", { body: {}, anonymous: true });
    if (response.status === 401) return false;
    if (!response.ok) throw await problemOf(response);
    keepAccess(await bodyOf(response));
    return true;
  })().finally(() => {
    renewal = null;
  });
  return renewal;
}

// A key that names one attempt to write. A browser has randomUUID on https and on its own machine
// only, and a laptop's demo may be opened from a phone.
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function exchange(method, path, { query, body, csv, key, etag, signal, anonymous }) {
  const url = new URL(path, root);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  const headers = { Accept: "application/json, text/csv" };
  const sent = csv ?? (body === undefined ? undefined : JSON.stringify(body));
  if (sent !== undefined) headers["Content-Type"] = csv === undefined ? "application/json" : "text/csv";
  if (key) headers["Idempotency-Key"] = key;
  if (etag) headers["If-None-Match"] = etag;
  if (!anonymous && access) headers.Authorization = `Bearer ${access.token}`;
  const limit = new AbortController();
  const stop = () => limit.abort();
  const timer = setTimeout(stop, TIMEOUT_MS);
  signal?.addEventListener("abort", stop);
  try {
    return await fetch(url, {
      method,
      headers,
      body: sent,
      cache: "no-store",
      signal: limit.signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ kind: "network" });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

async function bodyOf(response) {
  const isText = response.headers.get("Content-Type")?.startsWith("text/csv");
  try {
    return await (isText ? response.text() : response.json());
  } catch {
    throw new Problem({ status: 502, kind: "failed" });
  }
}

async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const { type, title, status, detail, field, ...facts } = told;
  const kind = String(type ?? "").split("/problems/")[1] ?? KINDS[response.status] ?? "failed";
  return new Problem({ status: response.status, kind, detail, field, facts });
}
