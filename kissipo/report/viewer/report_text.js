/** A text whose tokens stand on colors: red for what the caption says, blue against it. */

import { html } from "./vendor/preact.js";
import { Scale, css } from "./colors.js";
import { numberText, visible } from "./text.js";

const DARK = 0.55; // the strength above which the ink is that of the page

/** The tokens on their colors, and what the colors mean. */
export function ColoredText({ record: { tokens, values, separator, caption } }) {
  const scale = new Scale(-1, 1, true);
  return html`<figure class="colored-text"><p>${tokens.map((token, place) => html`<span
      class=${Math.abs(values[place]) > DARK ? "strong" : undefined} title=${numberText(values[place], 2)}
      style=${{ background: css(scale.color(values[place])) }}>${visible(token)}</span>${separator}`)}</p>
    ${caption && html`<figcaption class="dim">${caption}</figcaption>`}</figure>`;
}
