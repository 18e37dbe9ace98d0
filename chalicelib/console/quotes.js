// What a reply would cost now, asked of the server before anything is sent.

import { useEffect, useRef, useState } from "./view.js";
import { call } from "./api.js";

const AFTER_MS = 350;
const EVERY_MS = 30_000;
// The price goes by the types of the parts; a text that is still to be typed is a text too.
const TO_COME = [{ type: "text", text: "…" }];

export const quoteOf = async (ticket_id, parts) => {
  const path = `tickets/${encodeURIComponent(ticket_id)}/quote`;
  return (await call("POST", path, { body: { parts } })).data;
};

export const kindOf = (refusal) => refusal.type.split("/problems/")[1] ?? "failed";

// {quote, problem, renew}: followed while `isOn`, asked again when the types of the parts or the
// `pulse` change. `quote` is null while there is none for exactly these types.
export function useQuote(ticket_id, parts, { isOn, pulse }) {
  const [state, setState] = useState({ types: null, quote: null, problem: null });
  const [turn, setTurn] = useState(0);
  const latest = useRef(parts);
  const types = (parts.length > 0 ? parts : TO_COME).map((part) => part.type).join();
  latest.current = parts.length > 0 ? parts : TO_COME;

  useEffect(() => {
    if (!isOn) return undefined;
    const stop = new AbortController();
    let timer = null;
    const ask = async () => {
      try {
        const path = `tickets/${encodeURIComponent(ticket_id)}/quote`;
        const body = { parts: latest.current };
        const { data } = await call("POST", path, { body, signal: stop.signal });
        if (!stop.signal.aborted) setState({ types, quote: data, problem: null });
      } catch (problem) {
        if (stop.signal.aborted) return;
        if (problem.status === undefined) throw problem;
        setState((old) => ({ ...old, problem }));
      }
      if (!stop.signal.aborted) timer = setTimeout(ask, EVERY_MS);
    };
    timer = setTimeout(ask, turn === 0 && state.types === null ? 0 : AFTER_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [ticket_id, types, pulse, isOn, turn]);

  const isForThese = state.types === types;
  return {
    quote: isForThese ? state.quote : null,
    problem: state.problem,
    renew: () => setTurn((old) => old + 1),
  };
}
