/** What the answer shows inside of an example: tables, weights, the tree of a search. */

import { html } from "./vendor/preact.js";
import { Wide } from "./report_wide.js";
import { SearchTree } from "./search_tree.js";
import { WeightsMap } from "./weights_map.js";

const KINDS = { line: Line, table: Table, section: Part, tree: SearchTree, weights: WeightsMap };

/** One section of the page per section of the trace. */
export function AnswerSections({ trace }) {
  return (trace.sections ?? []).filter(({ records }) => records.length)
    .map(({ title, records }) => html`<section aria-label=${title}><h2>${title}</h2><${Records} records=${records} /></section>`);
}

function Records({ records }) {
  return records.map((record) => html`<${KINDS[record.kind]} record=${record} />`);
}

function Part({ record }) {
  return html`<div class=${record.side_by_side ? "pair" : "part"}>
    ${record.title && html`<h3>${record.title}</h3>`}<${Records} records=${record.records} /></div>`;
}

function Line({ record }) {
  return html`<p class=${record.style || undefined}>${record.text}</p>`;
}

function Table({ record: { titles, rows, numbers } }) {
  const right = (column) => (numbers.includes(column) ? "n" : "");
  return html`<${Wide} name=${titles.join(", ")}><table>
    <thead><tr>${titles.map((title, column) => html`<th scope="col" class=${right(column)}>${title}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell, column) => html`<td class=${`${right(column)} ${cell.style ?? ""}`}>
      ${cell.text ?? cell}</td>`)}</tr>`)}</tbody></table><//>`;
}
