// Small pictures drawn as SVG; they are decoration, the words beside them say the same.

import { html } from "./view.js";

// Strokes on a 24 by 24 grid.
const shapes = {
  back: "M15 5l-7 7 7 7",
  clock: "M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  up: "M12 19V6M6 11l6-6 6 6",
  tick: "M5 13l4 4L19 7",
  ticks: "M2 13l4 4L15 8M11 16l1 1L21.5 7",
  failed: "M12 8v5M12 16.5v.1M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  unknown: "M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.8.4-1 .9-1 1.7M12 16.7v.1M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  note: "M6 4h12v11l-5 5H6zM13 20v-5h5M9 8h6M9 11.5h4",
  attach: "M19 11l-7.5 7.5a4.6 4.6 0 0 1-6.5-6.5L12.5 4.5a3 3 0 0 1 4.3 4.3l-7.3 7.3a1.5 1.5 0 0 1-2.1-2.1L14 7.3",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.2v.1",
  video: "M4 6h11v12H4zM15 10.5l5-3v9l-5-3",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  contact: "M12 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5 20c.7-3.7 3.5-5.5 7-5.5s6.3 1.8 7 5.5",
  location: "M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11zM12 12.3a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6z",
  url: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.6 1.6M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.6-1.6",
  sticker: "M12 21a9 9 0 1 1 9-9c-4 0-9 3-9 9zM8.5 10v.1M15 9v.1M8.5 14c.8 1 1.8 1.5 3 1.6",
  rich_media: "M4 5h16v14H4zM4 10h16M10 10v9",
  unsupported: "M4 5h16v14H4zM9 9l6 6M15 9l-6 6",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  send: "M4 12l16-7-6 15-3-6zM11 14l9-9",
  card: "M4 5h16v14H4zM9 12.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM6 16c.4-1.6 1.5-2.3 3-2.3s2.6.7 3 2.3M14.5 10H18M14.5 13.5H18",
  down: "M12 5v13M6 13l6 6 6-6",
  inbox: "M4 13l3-8h10l3 8v6H4zM4 13h5l1 2.5h4l1-2.5h5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  unread: "M4 6h16v12H4zM4 7l8 6 8-6",
  bot: "M5 9h14v10H5zM12 9V5M12 4.5v.1M9 13v1.5M15 13v1.5M2.5 13v3M21.5 13v3",
};

export function Icon({ name, class: more = "" }) {
  return html`<svg class=${`icon ${more}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${shapes[name] ?? shapes.unsupported} />
  </svg>`;
}
