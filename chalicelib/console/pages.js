// Lists that come page by page and are read once, not followed.

import { useEffect, useState } from "./view.js";
import { get } from "./api.js";

const EMPTY = { items: null, cursor: null, busy: false, problem: null };

// {items, cursor, busy, problem, more, reload, change}; `items` is null until the first page came.
export function usePages(path, limit = 50) {
  const [state, setState] = useState(EMPTY);

  async function read(cursor, before) {
    setState((old) => ({ ...old, busy: true, problem: null }));
    try {
      const page = await get(path, { limit, cursor });
      setState({
        items: [...before, ...page.items],
        cursor: page.next_cursor,
        busy: false,
        problem: null,
      });
    } catch (problem) {
      setState((old) => ({ ...old, busy: false, problem }));
    }
  }

  const reload = () => read(null, []);
  useEffect(() => {
    setState(EMPTY);
    reload();
  }, [path]);
  return {
    ...state,
    reload,
    more: () => read(state.cursor, state.items),
    change: (alter) => setState((old) => ({ ...old, items: alter(old.items ?? []) })),
  };
}
