// The sessions that messages of a talk have opened: a message names its session, not the price.

import { useEffect, useState } from "./view.js";
import { get } from "./api.js";

const SESSIONS_MOST = 200;
const OPENERS = ["opens-session", "renews-session"];

export const isOpener = ({ charge }) => OPENERS.includes(charge?.kind);

// Sessions by id; read again when one is opened, or its money may have moved.
export function useOpenedSessions(ticket_id, messages) {
  const [sessions, setSessions] = useState({});
  const openers = (messages ?? []).filter(isOpener);
  const wanted = openers.map((one) => `${one.charge.session_id} ${one.delivery?.state}`).join();
  useEffect(() => {
    if (!wanted) return undefined;
    let isOver = false;
    const read = async () => {
      const path = `tickets/${encodeURIComponent(ticket_id)}/sessions`;
      const { items } = await get(path, { limit: SESSIONS_MOST });
      if (!isOver) setSessions(Object.fromEntries(items.map((one) => [one.session_id, one])));
    };
    // Without them the talk is shown all the same, with no price.
    read().catch((problem) => {
      if (problem.status === undefined) throw problem;
    });
    return () => {
      isOver = true;
    };
  }, [ticket_id, wanted]);
  return sessions;
}
