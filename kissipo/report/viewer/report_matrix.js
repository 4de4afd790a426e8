/** The confusion matrix as a table, whose cells open their examples. */

import { html, useEffect, useRef } from "./vendor/preact.js";
import { Examples } from "./report_examples.js";
import { usePage } from "./report_context.js";
import { Wide } from "./report_wide.js";
import { integerText } from "./text.js";

const STEPS = 10; // of the shades of cells

/** Rows are the targets, columns the predictions; a darker cell is a larger share of its row. */
export function Matrix({ record }) {
  const { state, change } = usePage();
  const { counts, labels, examples } = record;
  const detail = useRef();
  const open = examples[state.cell] ? state.cell : null;
  const opened = useRef(false);
  useEffect(() => {
    if (open && opened.current) detail.current.focus();
  }, [open]);
  const toggle = (key) => {
    opened.current = true;
    change({ cell: key === open ? "" : key });
  };
  return html`
    <p class="dim">Rows: target. Columns: prediction.${Object.keys(examples).length > 0 && " Open a count to see its examples."}</p>
    <${Wide} name="confusion matrix">
      <table class="matrix">
        <thead><tr><th scope="col"><span class="hidden">target</span></th>
          ${labels.map((label) => html`<th scope="col">${label}</th>`)}</tr></thead>
        <tbody>${counts.map((row, target) => html`<tr><th scope="row">${labels[target]}</th>
          ${row.map((count, other) => html`<${Cell} count=${count} total=${sum(row)} right=${target === other}
            name=${`target ${labels[target]}, prediction ${labels[other]}: ${count}`}
            open=${open === `${target},${other}`}
            onOpen=${examples[`${target},${other}`] && (() => toggle(`${target},${other}`))} />`)}</tr>`)}
        </tbody>
      </table>
    <//>
    ${open && html`<div class="cell-examples" ref=${detail} tabindex="-1" role="group" aria-label="examples of the cell">
      <h3>${heading(open, counts, labels)}
        <button type="button" onClick=${() => toggle(open)}>close</button></h3>
      <${Examples} examples=${examples[open]} /></div>`}`;
}

function Cell({ count, total, right, name, open, onOpen }) {
  const shade = Math.ceil((STEPS * count) / (total || 1));
  const kind = `${right ? "right" : "wrong"} shade-${shade}`;
  if (!count) return html`<td class="none">·</td>`;
  const text = integerText(count);
  return html`<td class=${kind}>${onOpen
    ? html`<button type="button" aria-label=${name} aria-expanded=${open} onClick=${onOpen}>${text}</button>` : text}</td>`;
}

function heading(cell, counts, labels) {
  const [target, other] = cell.split(",").map(Number);
  const count = counts[target][other];
  const which = target === other ? "the least confident right ones" : "the most confident mistakes";
  return `Target ${labels[target]}, prediction ${labels[other]}: ${which} of ${integerText(count)}`;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
