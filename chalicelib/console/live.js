// Following an address of the API: asked again and again with its ETag, gently.

import { signal } from "./vendor/preact-signals.js";
import { call } from "./api.js";

const EVERY_MS = 3_000;
const AT_MOST_MS = 60_000;
const FINAL = new Set([400, 401, 403, 404]);

const troubled = signal(new Set());
const following = new Set();

// True while any address we follow does not answer.
export const isLost = () => troubled.value.size > 0;

// Ends all that is followed, as before signing out: what would be asked after it is refused.
export function stopAll() {
  for (const stop of following) stop();
}

// Asks for `path` at once and then every few seconds: slower while the page is hidden or calls
// fail, at once when the page is seen or the network is back. A final refusal ends it.
// Gives back {stop, nudge}; `nudge` asks now and drops an answer that is still on its way, which
// could be older than what the caller has just written.
export function follow(path, { query, onData, onProblem = () => {} }) {
  const me = {};
  let isOver = false;
  let etag = null;
  let failures = 0;
  let hiddenTurns = 0;
  let timer = null;
  let asking = null;

  async function turn() {
    clearTimeout(timer);
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    try {
      const answer = await call("GET", path, { query, etag, signal: mine.signal });
      if (isOver || asking !== mine) return;
      failures = 0;
      mark(me, false);
      etag = answer.etag;
      if (answer.status !== 304) onData(answer.data);
    } catch (problem) {
      if (isOver || asking !== mine) return;
      if (problem.status === undefined) throw problem;
      if (FINAL.has(problem.status)) {
        stop();
        onProblem(problem);
        return;
      }
      failures += 1;
      mark(me, true);
      onProblem(problem);
    }
    asking = null;
    hiddenTurns = document.hidden ? hiddenTurns + 1 : 0;
    const wait_ms = Math.min(EVERY_MS * 2 ** Math.min(failures + hiddenTurns, 5), AT_MOST_MS);
    // A little chance in the wait keeps many consoles from asking in step.
    timer = setTimeout(turn, wait_ms * (0.9 + 0.2 * Math.random()));
  }

  function wake() {
    if (!document.hidden && !asking) turn();
  }

  function stop() {
    isOver = true;
    clearTimeout(timer);
    asking?.abort();
    following.delete(stop);
    mark(me, false);
    document.removeEventListener("visibilitychange", wake);
    removeEventListener("online", wake);
  }

  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  following.add(stop);
  turn();
  return { stop, nudge: () => isOver || turn() };
}

function mark(who, isTroubled) {
  if (troubled.value.has(who) === isTroubled) return;
  const next = new Set(troubled.value);
  if (isTroubled) next.add(who);
  else next.delete(who);
  troubled.value = next;
}
