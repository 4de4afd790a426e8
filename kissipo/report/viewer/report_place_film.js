/** Counts of places as heat maps that play over the steps of time. */

import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { Scale } from "./colors.js";
import { observed, redrawOnTheme } from "./heat_map.js";
import { unpacked } from "./source.js";
import { numberText } from "./text.js";

const [FAST, SLOW] = [180, 1000]; // milliseconds per step; slow for people who prefer less motion
const MARGIN = 10; // around the places, in pixels
const [SMALL, LARGE] = [2, 11]; // the radius of a place without events, and of the busiest one
const LISTED = 10; // places in the table
const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24 };

/** One map per layer, the button that plays, the slider of time, and the busiest places. */
export function PlaceFilm({ record }) {
  const { places, times, layers } = record;
  const [counts, setCounts] = useState(null);
  const [step, setStep] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [open, setOpen] = useState(-1);
  useEffect(() => {
    Promise.all(layers.map((layer) => countsOf(layer, places.length * times.length))).then(setCounts);
  }, [record]);
  useEffect(() => {
    if (!playing) return undefined;
    const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? SLOW : FAST;
    const timer = setInterval(() => setStep((at) => (at + 1) % times.length), pace);
    return () => clearInterval(timer);
  }, [playing, record]);
  const layout = useMemo(() => layoutOf(record), [record]);
  const most = useMemo(() => (counts ? Math.max(...counts.map(highest), 1) : 1), [counts]);
  if (!counts) return html`<p class="dim">The maps are being unpacked.</p>`;
  const showStep = (to) => {
    setPlaying(false);
    setStep(Math.min(times.length - 1, Math.max(0, to)));
  };
  const key = (event) => {
    if (event.key === " ") setPlaying(!playing);
    else if (event.key === "Home") showStep(0);
    else if (event.key === "End") showStep(times.length - 1);
    else if (KEYS[event.key]) showStep(step + KEYS[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const rows = counts.map((layer) => layer.subarray(step * places.length, (step + 1) * places.length));
  return html`<div class="film">
    <p class="row"><button type="button" aria-pressed=${playing} onClick=${() => setPlaying(!playing)}>
        ${playing ? "pause" : "play"}</button>
      <label>time <b>${times[step]}</b>
        <input type="range" min="0" max=${times.length - 1} step="1" value=${step} aria-valuetext=${times[step]}
          onInput=${(event) => showStep(Number(event.target.value))} /></label></p>
    <div class="side-by-side">${layers.map((layer, number) => html`<figure>
      <figcaption>${layer.name}, the sum is ${numberText(sum(rows[number]), 4)}</figcaption>
      <${Map} name=${layer.name} record=${record} layout=${layout} counts=${rows[number]} most=${most}
        open=${open} onOpen=${setOpen} onKey=${key} time=${times[step]} /></figure>`)}</div>
    <p class="film-value" aria-live=${playing ? null : "polite"}>${open < 0 ? "Point at a place."
      : `${places[open]}: ${layers.map((layer, number) => `${layer.name} ${numberText(rows[number][open], 3)}`).join(", ")}`}</p>
    <${Busiest} record=${record} rows=${rows} onOpen=${setOpen} />
    <p class="dim">Colors and sizes follow the square root of '${record.unit}', up to ${numberText(most, 4)}.${layout.known ? "" : " The positions of the places are not known: they stand in order, the busiest first."}${" "}
      Keys on a map: arrows move by a step, page up and down by 24, space plays.</p>
  </div>`;
}

/** A canvas with one disc or square per place. */
function Map({ name, record, layout, counts, most, open, onOpen, onKey, time }) {
  const canvas = useRef();
  const [width, setWidth] = useState(320);
  useEffect(() => observed(canvas.current.parentElement, setWidth), []);
  const height = Math.round(width * layout.ratio);
  const redraw = () => draw(canvas.current, { layout, counts, most, open, width, height });
  useEffect(redraw, [counts, most, open, width]);
  useEffect(() => redrawOnTheme(redraw), [counts, most, open, width]);
  const point = (event) => {
    const box = canvas.current.getBoundingClientRect();
    onOpen(nearest(layout, event.clientX - box.left, event.clientY - box.top, width, height));
  };
  const best = busiest(counts, 1)[0];
  return html`<canvas ref=${canvas} tabindex="0" role="img" style=${{ width: `${width}px`, height: `${height}px` }}
    aria-label=${`${name} at ${time}: ${record.places.length} places, the busiest is ${record.places[best]} with ${numberText(counts[best], 3)}`}
    onMouseMove=${point} onClick=${point} onMouseLeave=${() => onOpen(-1)} onKeyDown=${onKey} />`;
}

/** The busiest places by the last layer, the forecast, beside the other layers. */
function Busiest({ record, rows, onOpen }) {
  const { places, layers, top_k: count } = record;
  const last = rows.length - 1;
  const among = new Set(busiest(rows[0], count).filter((place) => rows[0][place] > 0));
  const listed = busiest(rows[last], Math.min(LISTED, count));
  return html`<table><thead><tr><th scope="col">busiest by the ${layers[last].name}</th>
      ${layers.map(({ name }) => html`<th scope="col" class="n">${name}</th>`)}<th scope="col">of the ${count} busiest</th></tr></thead>
    <tbody>${listed.map((place) => html`<tr onMouseEnter=${() => onOpen(place)} onMouseLeave=${() => onOpen(-1)}>
      <td>${places[place]}</td>${rows.map((row) => html`<td class="n">${numberText(row[place], 3)}</td>`)}
      <td class=${among.has(place) ? "good" : ""}>${among.has(place) ? "yes" : "no"}</td></tr>`)}</tbody></table>`;
}

/** The numbers of a layer; they are stored by planes in parts of one. */
async function countsOf({ packed, parts }, count) {
  const bytes = await unpacked(packed);
  return Float32Array.from({ length: count }, (_, place) => (bytes[place] + 256 * bytes[count + place]) / parts);
}

/** Where places stand, from 0 to 1 in both directions, and the height of the map per width. */
function layoutOf({ places, x, y }) {
  if (!x.length) return ordered(places.length);
  const [columns, rows] = [linesOf(x), linesOf(y)];
  // cells of a grid share their columns and rows
  if (columns.count * rows.count <= 4 * places.length) {
    return {
      known: true,
      x: x.map((value) => columns.share(value)),
      y: y.map((value) => 1 - rows.share(value)),
      ratio: bounded((rows.count * rows.gap) / (columns.count * columns.gap)),
      grid: [columns.count, rows.count],
    };
  }
  const [left, right, low, high] = [lowest(x), highest(x), lowest(y), highest(y)];
  return {
    known: true,
    x: x.map((value) => (right > left ? (value - left) / (right - left) : 0.5)),
    y: y.map((value) => (high > low ? (high - value) / (high - low) : 0.5)),
    ratio: bounded((high - low) / (right - left || 1)),
    grid: null,
  };
}

function bounded(ratio) {
  return Math.min(1.2, Math.max(0.4, ratio));
}

/** The columns, or the rows, on which values stand, at equal distances. */
function linesOf(values) {
  const sorted = [...new Set(values)].sort((one, other) => one - other);
  const span = sorted[sorted.length - 1] - sorted[0];
  const gaps = sorted.slice(1).map((value, place) => value - sorted[place]).filter((gap) => gap > 1e-6 * span);
  const gap = gaps.length ? lowest(gaps) : 1;
  const count = Math.round(span / gap) + 1;
  return { count, gap, share: (value) => ((value - sorted[0]) / gap + 0.5) / count };
}

/** Places without positions stand in rows, as a text is read. */
function ordered(count) {
  const columns = Math.ceil(Math.sqrt(2 * count));
  const rows = Math.ceil(count / columns);
  return {
    known: false,
    x: Array.from({ length: count }, (_, place) => ((place % columns) + 0.5) / columns),
    y: Array.from({ length: count }, (_, place) => (Math.floor(place / columns) + 0.5) / rows),
    ratio: Math.max(0.1, rows / columns),
    grid: [columns, rows],
  };
}

function draw(canvas, { layout, counts, most, open, width, height }) {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const pen = canvas.getContext("2d");
  pen.scale(density, density);
  const scale = new Scale(0, 1, false);
  const ink = getComputedStyle(canvas);
  // the busiest places are drawn last, so that no other one hides them
  const order = Array.from(counts.keys()).sort((one, other) => counts[one] - counts[other]);
  for (const place of order) {
    const share = Math.sqrt(counts[place] / most);
    const [x, y] = positionOf(layout, place, width, height);
    pen.fillStyle = `rgb(${scale.color(0.12 + 0.88 * share).join(" ")})`;
    pen.beginPath();
    if (layout.grid) {
      const [wide, high] = sidesOf(layout, width, height);
      pen.rect(x - wide / 2, y - high / 2, wide, high);
    } else pen.arc(x, y, SMALL + (LARGE - SMALL) * share, 0, 2 * Math.PI);
    pen.fill();
    if (place === open) {
      pen.strokeStyle = ink.getPropertyValue("--mark") || ink.color;
      pen.lineWidth = 2;
      pen.stroke();
    }
  }
}

function sidesOf(layout, width, height) {
  const [columns, rows] = layout.grid;
  return [(0.94 * width) / columns, (0.94 * height) / rows];
}

function positionOf(layout, place, width, height) {
  if (layout.grid) return [layout.x[place] * width, layout.y[place] * height];
  return [MARGIN + layout.x[place] * (width - 2 * MARGIN), MARGIN + layout.y[place] * (height - 2 * MARGIN)];
}

function nearest(layout, x, y, width, height) {
  let [best, least] = [-1, Math.max(400, layout.grid ? width ** 2 / layout.grid[0] : 0)]; // at most 20 pixels away
  for (let place = 0; place < layout.x.length; place++) {
    const [left, top] = positionOf(layout, place, width, height);
    const distance = (left - x) ** 2 + (top - y) ** 2;
    if (distance < least) [best, least] = [place, distance];
  }
  return best;
}

/** The places with the highest counts, the busiest first. */
export function busiest(counts, number) {
  return Array.from(counts.keys()).sort((one, other) => counts[other] - counts[one]).slice(0, number);
}

function highest(values) {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function lowest(values) {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
