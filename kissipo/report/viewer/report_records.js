/** The records of a report: sentences, tables, bars, images; each kind is drawn in one way. */

import { html, useMemo, useState } from "./vendor/preact.js";
import { Chart } from "./report_chart.js";
import { ColoredText } from "./report_text.js";
import { Copy, Command, Examples, Drawn } from "./report_examples.js";
import { Matrix } from "./report_matrix.js";
import { DetectionErrors } from "./report_detections.js";
import { Threshold } from "./report_threshold.js";
import { Recording } from "./report_recording.js";
import { PlaceFilm } from "./report_place_film.js";
import { ScatterMap } from "./scatter_map.js";
import { SearchTree } from "./search_tree.js";
import { WeightsMap } from "./weights_map.js";
import { DetectionInside } from "./xray_detection.js";
import { Words } from "./report_context.js";
import { Wide } from "./report_wide.js";
import { integerText, numberText } from "./text.js";

const [WIDE, TEXTS] = [4, 2]; // columns above which a table becomes cards on a narrow screen
const [MANY, FIRST, LAST] = [30, 16, 6]; // rows of a table that is shown whole; of a long one
const REST = null;
const LARGE = 100; // pixels from which an image that stands alone is drawn large
const LONG = 200; // characters above which a code is a file, which is folded

const KINDS = { line: Line, table: Table, chart: Chart, bars: Bars, histogram: Histogram,
  colored_text: ColoredText,
  matrix: Matrix, gallery: Gallery, film: Film, place_film: PlaceFilm, recording: Recording, section: Section,
  scatter_map: ScatterMap, detection_errors: DetectionErrors,
  detection_inside: DetectionInside, threshold: Threshold, tree: SearchTree, weights: WeightsMap,
  examples: ({ record }) => html`<${Examples} examples=${record.examples} />` };

/** Some records, one below the other. */
export function Records({ records }) {
  return records.map((record) => html`<${KINDS[record.kind]} record=${record} />`);
}

function Section({ record }) {
  const file = fileOf(record);
  if (file !== null) return html`<${File} name=${record.title} text=${file} />`;
  const content = html`<${Records} records=${record.records} />`;
  return html`<div class=${record.title ? "part" : "group"}>
    ${record.title && html`<h3>${record.title} ${record.note && html`<span class="dim">${record.note}</span>`}</h3>`}
    ${record.side_by_side ? html`<div class="side-by-side">${content}</div>` : content}</div>`;
}

/** The text of a section that is one file, else null. */
function fileOf({ records }) {
  const [only] = records;
  return records.length === 1 && only.kind === "line" && only.style === "code" ? only.text : null;
}

function File({ name, text }) {
  return html`<details class="file"><summary>${name} <span class="dim">${integerText(text.split("\n").length)} lines</span></summary>
    <${Copy} text=${text} name=${name} /><pre tabindex="0">${text}</pre></details>`;
}

function Line({ record: { text, style } }) {
  if (style === "code") return text.length > LONG ? html`<pre tabindex="0">${text}</pre>` : html`<${Command} text=${text} />`;
  if (style === "text") return html`<blockquote>${text}</blockquote>`;
  return html`<p class=${style || undefined}><${Words} text=${text} /></p>`;
}

function Table({ record: { titles, rows, numbers } }) {
  const [whole, setWhole] = useState(false);
  const shown = whole || rows.length <= MANY ? rows : [...rows.slice(0, FIRST), REST, ...rows.slice(-LAST)];
  const right = new Set(numbers);
  const named = titles.some(Boolean);
  const texts = titles.length - numbers.length;
  const kind = titles.length > WIDE && texts > TEXTS ? "cards" : named ? "" : "plain";
  return html`<${Wide} name=${named ? titles.filter(Boolean).join(", ") : "list"}>
    <table class=${kind}>
      ${named && html`<thead><tr>${titles.map((title, column) => title
        ? html`<th scope="col" class=${right.has(column) ? "n" : undefined}><${Words} text=${title} all /></th>` : html`<td />`)}</tr></thead>`}
      <tbody>${shown.map((row) => row === REST ? html`<tr><td class="rest" colspan=${titles.length}>
        <button type="button" onClick=${() => setWhole(true)}>show ${rows.length - shown.length + 1} more rows</button></td></tr>` : html`<tr>${row.map((cell, column) => html`<td data-title=${titles[column]}
        class=${`${right.has(column) ? "n" : ""} ${cell.style ?? ""} ${(cell.text ?? cell) === "" ? "empty" : ""}`}>${cell.text ?? cell}</td>`)}</tr>`)}</tbody>
    </table><//>`;
}

/** One bar per name; those of the model are highlighted. */
function Bars({ record: { values, first } }) {
  const most = Math.max(...values.map(([, value]) => Math.abs(value ?? 0))) || 1;
  return html`<ul class="score-bars">${values.map(([name, value]) => html`<li class=${name === first || !first ? "first" : ""}>
    <span class="name">${name}</span>
    <span class="track"><i style=${{ width: `${(100 * Math.abs(value ?? 0)) / most}%` }} /></span>
    <span class="value">${value === null ? "–" : numberText(value)}</span></li>`)}</ul>`;
}

function Histogram({ record: { edges, counts, x_label: label } }) {
  const most = Math.max(...counts, 1);
  const width = 400 / counts.length;
  const zero = (400 * (0 - edges[0])) / (edges[edges.length - 1] - edges[0] || 1);
  const bars = useMemo(() => counts.map((count, bin) => html`<rect x=${bin * width} width=${Math.max(1, width - 1)}
    y=${120 - (116 * count) / most} height=${(116 * count) / most} />`), [counts]);
  return html`<figure class="histogram">
    <svg viewBox="0 0 400 120" preserveAspectRatio="none" role="img" aria-label=${`histogram of the ${label}, from ${numberText(edges[0])} to ${numberText(edges[edges.length - 1])}; the highest bar counts ${most}`}>
      ${bars}${zero > 0 && zero < 400 && html`<line class="level" x1=${zero} x2=${zero} y1="0" y2="120" />`}</svg>
    <figcaption class="dim"><span>${numberText(edges[0], 3)}</span>
      <span>${label}; dashed: 0; highest bar: ${integerText(most)}</span><span>${numberText(edges[edges.length - 1], 3)}</span></figcaption>
  </figure>`;
}

function Film({ record: { image, width, height, caption } }) {
  return html`<figure class="film"><img src=${image} width=${width} height=${height} alt=${caption} />
    <figcaption>${caption}</figcaption></figure>`;
}

function Gallery({ record: { groups, captions, files, classes } }) {
  return html`
    ${classes.length > 0 && html`<p class="legend">${classes.map(({ name, color }) => html`<span>
      <i class="swatch" style=${{ background: color }} /> ${name}</span>`)}</p>`}
    ${groups.length > 0 && html`<div class="gallery">${groups.map((group, number) => html`<figure class=${`of-${Math.min(4, group.length)} ${groups.length + group.length === 2 && group[0].width >= LARGE ? "large" : ""}`}>
      <div class="group-images">${group.map((image, place) => html`<${Drawn} image=${image} title=${files[number] || undefined}
        name=${place === 0 ? captions[number] : ""} />`)}</div>
      ${captions[number] && html`<figcaption>${captions[number]}</figcaption>`}</figure>`)}</div>`}`;
}
