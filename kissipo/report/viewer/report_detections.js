/** Errors of detections: counts by cause, precision-recall curves, and the boxes of each in their images. */

import { html, useMemo } from "./vendor/preact.js";
import { Command } from "./report_examples.js";
import { usePage } from "./report_context.js";
import { Wide } from "./report_wide.js";
import { integerText, numberText } from "./text.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [280, 216, 44, 10, 10, 36];
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const MANY = 12; // images that are shown at once

/** The counts, the curves, and what is chosen of them. */
export function DetectionErrors({ record }) {
  const { state, change } = usePage();
  const choice = state.error ? state.error.split(",").map(Number) : null;
  const choose = (cause, column) => change({ error: same(choice, cause, column) ? "" : `${cause},${column}` });
  const cause = choice && record.causes[choice[0]];
  return html`<${Counts} record=${record} choice=${choice} onChoose=${choose} />
    ${cause && html`<${Chosen} record=${record} cause=${cause} column=${choice[1]} onClose=${() => change({ error: "" })} />`}
    ${record.curves.length > 0 && html`<h3>Precision and recall per class, at an IoU of 0.5</h3>
      <div class="curves">${record.curves.map((curve, number) => html`<${Curve} record=${record} curve=${curve} number=${number} />`)}</div>
      <${Point} record=${record} />`}`;
}

function same(choice, cause, column) {
  return choice !== null && choice[0] === cause && choice[1] === column;
}

/** The counts of a row in the order of the columns; the sum is the last one. */
function countsOf(record, cause) {
  const total = cause.counts.reduce((sum, count) => sum + count, 0);
  return record.columns.length > 1 ? [...cause.counts, total] : [total];
}

function Counts({ record, choice, onChoose }) {
  const rows = [...record.causes.keys()].filter((row) => record.causes[row].counts.some(Boolean));
  const none = record.causes.filter((cause) => !cause.counts.some(Boolean)).map(({ group, name }) => `${group}, ${name}`);
  if (!rows.length) return html`<p>No true box is missed, and no detection is a false alarm.</p>`;
  return html`<${Wide} name="errors by cause"><table class="errors">
    <thead><tr><th scope="col">error</th><th scope="col">cause</th>${record.columns.map((name) => html`<th scope="col" class="n">${name}</th>`)}
      <th scope="col">what to do</th></tr></thead>
    <tbody>${rows.map((row) => [record.causes[row], row]).map(([cause, row]) => html`<tr>
      <td class="group">${cause.group}</td><th scope="row">${cause.name}</th>
      ${countsOf(record, cause).map((count, column) => html`<td class="n">${count && cause.places.length
        ? html`<button type="button" aria-expanded=${same(choice, row, column)} onClick=${() => onChoose(row, column)}
          aria-label=${`${cause.group}, ${cause.name}, ${record.columns[column]}: ${count}`}>${integerText(count)}</button>`
        : integerText(count)}</td>`)}
      <td>${cause.advice}</td></tr>`)}</tbody></table><//>
    ${none.length > 0 && html`<p class="dim">There is no error of these causes: ${none.join("; ")}.</p>`}`;
}

/** The images of the errors of one cell of the counts. */
function Chosen({ record, cause, column, onClose }) {
  const label = column < record.columns.length - 1 ? column + 1 : null;
  const places = cause.places.filter(([image, mark]) => label === null || record.images[image].boxes[mark].number === label);
  const count = countsOf(record, cause)[column];
  const shown = places.slice(0, MANY);
  const name = label === null ? "" : ` ${record.columns[column]}`;
  return html`<div class="cell-examples" role="group" aria-label="boxes of this cause">
    <h3>${cause.group},${name} ${cause.name}: ${integerText(shown.length)} of ${integerText(count)}
      <button type="button" onClick=${onClose}>close</button></h3>
    <${Legend} classes=${record.classes} />
    <div class="marked-images">${shown.map(([image, mark]) => html`<${Marked} image=${record.images[image]} chosen=${mark} classes=${record.classes} />`)}</div>
  </div>`;
}

function Legend({ classes }) {
  return html`<p class="legend">${classes.map(({ name, color }) => html`<span><i class="swatch" style=${{ background: color }} /> ${name}</span>`)}
    <span>solid: true box; dashed: detection; wide: the box of the text</span></p>`;
}

/** An image with its boxes, of which one is chosen. */
function Marked({ image, chosen, classes }) {
  const { run } = usePage();
  const { width, height, boxes } = image;
  const mark = boxes[chosen];
  const order = [...boxes.keys()].filter((number) => number !== chosen);
  return html`<figure class="marked">
    <svg viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${`${image.name || `image ${image.position + 1}`}: ${mark.text}`}>
      <image href=${image.image} width=${width} height=${height} class=${width < 96 ? "pixels" : undefined} />
      ${[...order, chosen].map((number) => html`<${Box} mark=${boxes[number]} image=${image}
        color=${classes[boxes[number].number - 1].color} chosen=${number === chosen} />`)}</svg>
    <figcaption>${mark.text}<br /><span class="dim">${image.name || `image ${image.position + 1} of the split`}</span></figcaption>
    ${run && html`<${Command} text=${`kissipo xray ${run} --example ${image.position + 1}`} />`}
  </figure>`;
}

function Box({ mark, image, color, chosen }) {
  const [left, top, right, bottom] = mark.corners;
  const place = { x: left * image.width, y: top * image.height, width: Math.max(0, right - left) * image.width,
    height: Math.max(0, bottom - top) * image.height };
  const size = chosen ? 4 : 1.6; // in pixels of the screen
  const frame = { class: "mark", "vector-effect": "non-scaling-stroke", ...place };
  return html`${chosen && html`<rect ...${frame} style=${{ stroke: "#fff" }} stroke-width=${size + 3} />`}
    <rect ...${frame} style=${{ stroke: color }} stroke-width=${size} stroke-dasharray=${mark.target ? undefined : "6 4"}><title>${mark.text}</title></rect>`;
}

/** The curve of one class; a slider and a click choose one of its detections. */
function Curve({ record, curve, number }) {
  const { state, change } = usePage();
  const [chosenCurve, chosenPoint] = state.point ? state.point.split(",").map(Number) : [null, null];
  const at = chosenCurve === number ? Math.min(chosenPoint, curve.points.length - 1) : null;
  const path = useMemo(() => curve.points.map(([recall, precision]) => `${x(recall)},${y(precision)}`).join(" "), [curve]);
  const choose = (point) => change({ point: `${number},${point}` });
  const click = (event) => {
    const frame = event.currentTarget.getBoundingClientRect();
    choose(nearest(curve.points, WIDTH * (event.clientX - frame.left) / frame.width, HEIGHT * (event.clientY - frame.top) / frame.height));
  };
  const point = at === null ? null : curve.points[at];
  return html`<figure class="curve">
    <figcaption><b>${curve.name}</b> <span class="dim">${curve.note}</span></figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" onClick=${click}
      aria-label=${`precision over recall of ${curve.name}; the slider below moves along it`}>
      ${TICKS.map((value) => html`<line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${y(value)} y2=${y(value)} />
        <text class="tick" x=${LEFT - 6} y=${y(value) + 4} text-anchor="end">${value}</text>
        <text class="tick" x=${x(value)} y=${HEIGHT - BOTTOM + 16} text-anchor="middle">${value}</text>`)}
      <text class="label" x=${WIDTH - RIGHT} y=${HEIGHT - 4} text-anchor="end">recall</text>
      <text class="label" transform="rotate(-90)" x=${-(HEIGHT - BOTTOM + TOP) / 2} y="10" text-anchor="middle">precision</text>
      <polyline class="line stroke-0" points=${path} />
      ${point && html`<circle class="at" cx=${x(point[0])} cy=${y(point[1])} r="5" />`}</svg>
    ${curve.points.length > 0 ? html`<label>detection by score
      <input type="range" min="0" max=${curve.points.length - 1} value=${at ?? 0} onInput=${(event) => choose(Number(event.target.value))} /></label>`
      : html`<p class="dim">There is no detection of this class.</p>`}
    ${curve.points.length > 0 && curve.points.every(([recall]) => recall === 0) && html`<p class="dim">No detection of this class is right.</p>`}
  </figure>`;
}

/** The detection of the chosen point, in its image. */
function Point({ record }) {
  const { state, run } = usePage();
  const [number, at] = state.point ? state.point.split(",").map(Number) : [];
  const curve = record.curves[number];
  const point = curve?.points[Math.min(at, curve.points.length - 1)];
  if (!point) return html`<p class="dim">Click on a curve, or move a slider, to see the detection of that point.</p>`;
  const [recall, precision, score, rank, place, text] = point;
  return html`<div class="cell-examples" role="group" aria-label="the chosen detection" aria-live="polite">
    <p><b>${curve.name}</b>: ${integerText(rank)} detections have a score of ${numberText(score, 3)} or more;
      precision ${numberText(precision, 3)}, recall ${numberText(recall, 3)}. The last of them: ${text}.</p>
    ${place.length ? html`<${Legend} classes=${record.classes} /><div class="marked-images">
      <${Marked} image=${record.images[place[0]]} chosen=${place[1]} classes=${record.classes} /></div>`
      : html`<p class="dim">This page stores ${integerText(record.images.length)} of the images, and not this one.</p>
        ${run && html`<${Command} text=${`kissipo xray ${run} --example ${text.match(/\d+/)[0]}`} />`}`}
  </div>`;
}

function x(recall) {
  return Math.round(10 * (LEFT + recall * (WIDTH - LEFT - RIGHT))) / 10;
}

function y(precision) {
  return Math.round(10 * (HEIGHT - BOTTOM - precision * (HEIGHT - TOP - BOTTOM))) / 10;
}

function nearest(points, left, top) {
  const far = points.map(([recall, precision]) => (x(recall) - left) ** 2 + (y(precision) - top) ** 2);
  return far.indexOf(Math.min(...far));
}
