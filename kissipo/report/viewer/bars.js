/** Bars with names: probabilities, values of a short vector, norms of gradients. */

import { html } from "./vendor/preact.js";
import { numberText, visible } from "./text.js";

/**
 * One bar per value.
 *
 * values, names:  of the bars;  marked: the number of the highlighted one
 * text:           writes a value;  onOpen: is called with the number of a bar
 * size:           the length of a value's bar from 0 to 1; its share of the largest when omitted
 */
export function Bars({ values, names, marked = -1, text = numberText, onOpen, size }) {
  const largest = Math.max(...values.map(Math.abs).filter(Number.isFinite), 0) || 1;
  const share = size ?? ((value) => Math.abs(value) / largest);
  const signed = values.some((value) => value < 0);
  return html`<table class="bars"><tbody>${values.map((value, number) => {
    const length = `${100 * (Number.isFinite(value) ? Math.min(1, share(value)) : 0)}%`;
    const name = visible(names[number] ?? String(number));
    return html`<tr class=${number === marked ? "marked" : ""}>
      <th scope="row">${onOpen ? html`<button type="button" onClick=${() => onOpen(number)}>${name}</button>` : name}</th>
      ${signed && html`<td class="left"><i style=${{ width: value < 0 ? length : "0" }} /></td>`}
      <td class="right"><i style=${{ width: value < 0 ? "0" : length }} /></td>
      <td class="n">${text(value)}</td></tr>`;
  })}</tbody></table>`;
}
