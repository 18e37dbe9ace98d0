// Lists that come page by page, and single things, read once and not followed.

import { useEffect, useRef, useState } from "./view.js";
import { get } from "./api.js";

const EMPTY = { items: null, cursor: null, busy: false, problem: null };
// A filtered page may come empty while the list goes on.
const EMPTY_PAGES_MOST = 20;

// {items, cursor, busy, problem, more, reload, change}; `items` is null until the first page came.
export function usePages(path, limit = 50, query = {}) {
  const [state, setState] = useState(EMPTY);
  const wanted = `${path}?${new URLSearchParams(query)}`;
  const asking = useRef(null);

  async function read(cursor, before) {
    const mine = {};
    asking.current = mine;
    setState((old) => ({ ...old, busy: true, problem: null }));
    try {
      let page = await get(path, { ...query, limit, cursor });
      for (let tries = 0; page.items.length === 0 && page.next_cursor; tries += 1) {
        if (tries >= EMPTY_PAGES_MOST || asking.current !== mine) break;
        page = await get(path, { ...query, limit, cursor: page.next_cursor });
      }
      if (asking.current !== mine) return;
      setState({
        items: [...before, ...page.items],
        cursor: page.next_cursor,
        busy: false,
        problem: null,
      });
    } catch (problem) {
      if (asking.current === mine) setState((old) => ({ ...old, busy: false, problem }));
    }
  }

  const reload = () => read(null, []);
  useEffect(() => {
    setState(EMPTY);
    reload();
  }, [wanted]);
  return {
    ...state,
    reload,
    more: () => read(state.cursor, state.items),
    change: (alter) => setState((old) => ({ ...old, items: alter(old.items ?? []) })),
  };
}

// One thing that is read once: {data, problem, reload, set}; `data` is null until it came.
export function useOne(path) {
  const [state, setState] = useState({ data: null, problem: null });
  const asking = useRef(null);

  async function reload() {
    const mine = {};
    asking.current = mine;
    try {
      const data = await get(path);
      if (asking.current === mine) setState({ data, problem: null });
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      if (asking.current === mine) setState((old) => ({ ...old, problem }));
    }
  }

  useEffect(() => {
    setState({ data: null, problem: null });
    reload();
  }, [path]);
  return { ...state, reload, set: (data) => setState({ data, problem: null }) };
}
