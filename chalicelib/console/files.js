// Our copies of files: their addresses last a while, so they are asked for when needed.

import { useEffect, useState } from "./view.js";
import { get } from "./api.js";
import { now } from "./times.js";
import { whenLeft } from "./session.js";

const MARGIN_MS = 30_000;
const known = new Map();

whenLeft(() => known.clear());

// A fresh address of the file: {url, media_type, size_bytes, expires_at}.
export async function fileAddress(file_id) {
  const kept = known.get(file_id);
  if (kept && Date.parse((await kept).expires_at) - MARGIN_MS > now().getTime()) return kept;
  const asked = get(`files/${encodeURIComponent(file_id)}`);
  known.set(file_id, asked);
  asked.catch(() => known.delete(file_id));
  return asked;
}

// {url, problem}: the address of a file to show, null until it is known.
export function useFile(file_id) {
  const [state, setState] = useState({ url: null, problem: null });
  useEffect(() => {
    let isGone = false;
    setState({ url: null, problem: null });
    if (file_id) {
      fileAddress(file_id).then(
        (address) => isGone || setState({ url: address.url, problem: null }),
        (problem) => isGone || setState({ url: null, problem }),
      );
    }
    return () => {
      isGone = true;
    };
  }, [file_id]);
  return state;
}

// Opens the file in its own tab; the address is asked for at the click, for it may have expired.
export async function openFile(file_id) {
  const { url } = await fileAddress(file_id);
  const link = document.createElement("a");
  Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer" });
  link.click();
}
