/** A frame that scrolls sideways where its content is wider, and then takes the focus. */

import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** The frame; its name is said where it can be scrolled by keys. */
export function Wide({ name, children }) {
  const place = useRef();
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const look = () => setScrolls(place.current.scrollWidth > place.current.clientWidth);
    const resized = new ResizeObserver(look);
    resized.observe(place.current);
    look();
    return () => resized.disconnect();
  }, [children]);
  const focus = scrolls ? { tabindex: "0", role: "group", "aria-label": name } : {};
  return html`<div class="wide" ref=${place} ...${focus}>${children}</div>`;
}
