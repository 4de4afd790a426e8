/** Terms with their one sentence, on hover, focus and touch. */

import { html, useState } from "./vendor/preact.js";

/**
 * A word of the field with its explanation.
 *
 * words:  the explanations by term, as they stand in the content of the page
 */
export function Term({ words, name, children }) {
  const [open, setOpen] = useState(false);
  const sentence = (words ?? {})[String(name).toLowerCase().replaceAll("_", " ")];
  if (!sentence) return html`<span>${children ?? name}</span>`;
  const key = (event) => event.key === "Escape" && setOpen(false);
  return html`<span class="term" onMouseEnter=${() => setOpen(true)} onMouseLeave=${() => setOpen(false)}>
    <button type="button" aria-expanded=${open} onFocus=${() => setOpen(true)} onBlur=${() => setOpen(false)}
      onClick=${() => setOpen(true)} onKeyDown=${key}>${children ?? name}</button>
    ${open && html`<span class="term-note" role="note">${sentence}</span>`}
  </span>`;
}
