/** Terms with their one sentence, on hover, focus and touch. */

import { html, useRef, useState } from "./vendor/preact.js";

const WIDEST = 320; // pixels of a note
const MARGIN = 8;

/**
 * A word of the field with its explanation.
 *
 * words:  the explanations by term, as they stand in the content of the page
 */
export function Term({ words, name, children }) {
  const [place, setPlace] = useState(null);
  const button = useRef();
  const sentence = (words ?? {})[String(name).toLowerCase().replaceAll("_", " ")];
  if (!sentence) return html`<span>${children ?? name}</span>`;
  const open = () => setPlace(below(button.current));
  const close = () => setPlace(null);
  const key = (event) => event.key === "Escape" && close();
  return html`<span class="term" onMouseEnter=${open} onMouseLeave=${close}>
    <button type="button" ref=${button} aria-expanded=${place !== null} onFocus=${open} onBlur=${close}
      onClick=${open} onKeyDown=${key}>${children ?? name}</button>
    ${place && html`<span class="term-note" role="note" style=${place}>${sentence}</span>`}
  </span>`;
}

/** Where the note stands: below the word, within the screen; fixed, so that no scroller cuts it. */
function below(element) {
  const box = element.getBoundingClientRect();
  const width = Math.min(WIDEST, innerWidth - 2 * MARGIN);
  const left = Math.max(MARGIN, Math.min(box.left, innerWidth - width - MARGIN));
  const isLow = box.bottom > innerHeight - 120;
  const vertical = isLow ? { bottom: `${innerHeight - box.top}px` } : { top: `${box.bottom}px` };
  return { left: `${left}px`, ...vertical };
}
