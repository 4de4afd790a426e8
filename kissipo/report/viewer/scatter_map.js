/** Samples as points of a map: the pointer or the arrow keys show the sample of a point. */

import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { css, isDark, Scale } from "./colors.js";
import { extent, penOf, watchTheme, watchWidth } from "./drawing.js";
import { SERIES } from "./line_chart.js";
import { counted, integerText, numberText } from "./text.js";

const [HEIGHT, MARGIN, NEAR] = [460, 18, 16]; // pixels; NEAR: how far a point is reached
const [RADIUS, FAINT] = [3.2, 0.12];
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SIDE = 112; // of the image of a sample, in pixels

/** A map, as `record_json.py` describes it. */
export function ScatterMap({ record }) {
  const { points, names, legend, group_name: groupName } = record;
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState(null);
  const [only, setOnly] = useState(null);
  const [theme, setTheme] = useState(isDark());
  const [place, canvas, latest] = [useRef(), useRef(), useRef(null)];
  const spots = useMemo(() => spotsOf(points, width, record.is_to_scale), [points, width]);
  const paint = useMemo(() => paintOf(record), [record, theme]);
  latest.current = at;

  useEffect(() => watchWidth(place.current, setWidth), []);
  useEffect(() => watchTheme(() => setTheme(isDark())), []);
  useEffect(() => {
    if (width) draw(canvas.current, { spots, width, paint, at, only, groups: record.groups });
  }, [spots, paint, at, only]);

  const isOn = (number) => only === null || record.groups[number] === only;
  const point = (event) => {
    const box = canvas.current.getBoundingClientRect();
    setAt(nearest(spots, event.clientX - box.left, event.clientY - box.top, isOn));
  };
  const key = (event) => {
    const step = KEYS[event.key];
    if (step) {
      event.preventDefault();
      setAt(next(spots, latest.current, step, isOn));
    } else if (event.key === "Escape") setAt(null);
  };
  const label = `a map of ${counted(points.length, record.noun)}${groupName ? `, colored by ${groupName}` : ""}. Arrow keys move from point to point.`;
  return html`<figure class="scatter" ref=${place}>
    <canvas ref=${canvas} tabindex="0" role="application" aria-label=${label} data-points=${points.length}
      style=${{ width: "100%", height: `${HEIGHT}px` }} onMouseMove=${point} onClick=${point}
      onFocus=${() => latest.current === null && canvas.current.matches(":focus-visible") && setAt(first(record, isOn))}
      onKeyDown=${key} />
    <p class="dim axes"><span>→ ${record.x_label}${rangeText(record, 0)}</span>${record.y_label && html`<span>↑ ${record.y_label}${rangeText(record, 1)}</span>`}</p>
    ${legend.length > 0 && html`<p class="legend groups">${legend.map((name, number) => html`<button type="button"
      aria-pressed=${only === number} onClick=${() => setOnly(only === number ? null : number)}>
      <i class="swatch" style=${{ background: paint.color(number) }} /> ${name}
      <span class="dim"> ${integerText(paint.counts[number])}</span></button>`)}</p>`}
    ${groupName && !legend.length && html`<p class="legend">${groupName} from ${numberText(paint.low)} (pale) to ${numberText(paint.high)}</p>`}
    <div class="sample" aria-live="polite">${at === null
      ? html`<p class="dim">Point at a ${record.noun}, or focus the map with the Tab key and press the arrow keys.</p>`
      : html`<${Sample} record=${record} number=${at} />`}</div>
  </figure>`;
}

/** What a point stands for: its row, its group, its image or its text. */
function Sample({ record, number }) {
  const { names, texts, points, groups, legend, group_name: groupName, images } = record;
  const group = groups.length ? (legend[groups[number]] ?? numberText(groups[number])) : "";
  return html`
    ${images && html`<${Thumbnail} images=${images} number=${number} name=${names[number]} />`}
    <div><p><b>${names[number]}</b>${group !== "" && html`, ${groupName}: <b>${group.startsWith(`${groupName} `) ? group.slice(groupName.length + 1) : group}</b>`}</p>
      ${texts[number] && html`<p class="text">${texts[number]}</p>`}
      <p class="dim">at ${numberText(points[number][0])}, ${numberText(points[number][1])}</p></div>`;
}

/** One image out of the sheet of all. */
function Thumbnail({ images: { sheet, columns, width, height, rows }, number, name }) {
  const [column, row] = [number % columns, Math.floor(number / columns)];
  return html`<svg class=${width < 24 ? "pixels" : ""} width=${SIDE} height=${Math.round((SIDE * height) / width)}
    viewBox=${`${column * width} ${row * height} ${width} ${height}`} role="img" aria-label=${`image of ${name}`}>
    <image href=${sheet} width=${columns * width} height=${rows * height} /></svg>`;
}

/** The pixels of all points; isToScale: one scale for both axes, so that distances can be compared. */
function spotsOf(points, width, isToScale) {
  const [[left, right], [low, high]] = [extent(points.map(([x]) => x)), extent(points.map(([, y]) => y))];
  let [across, up] = [(width - 2 * MARGIN) / (right - left || 1), (HEIGHT - 2 * MARGIN) / (high - low || 1)];
  if (isToScale) across = up = Math.min(across, up);
  return points.map(([x, y]) => [width / 2 + (x - (left + right) / 2) * across,
    HEIGHT / 2 - (y - (low + high) / 2) * up]);
}

/** The ends of an axis, where the axes are quantities of their own. */
function rangeText({ points, is_to_scale: isToScale }, axis) {
  if (isToScale) return "";
  const [low, high] = extent(points.map((point) => point[axis]));
  return ` from ${numberText(low, 3)} to ${numberText(high, 3)}`;
}

/** How groups or quantities are colored; short names are drawn in place of dots. */
function paintOf({ groups, legend }) {
  const counts = legend.map((_, number) => groups.filter((group) => group === number).length);
  if (legend.length || !groups.length) {
    const style = getComputedStyle(document.documentElement);
    const colors = SERIES.map((name) => style.getPropertyValue(name).trim());
    const glyphs = legend.length > 1 && legend.every((name) => [...name].length === 1) ? legend : null;
    return { color: (group) => colors[(group ?? 0) % colors.length], counts, glyphs };
  }
  const [low, high] = extent(groups.filter((value) => value !== null));
  const scale = new Scale(low - 0.15 * (high - low), high, false);
  return { color: (value) => css(scale.color(value ?? NaN)), counts, glyphs: null, low, high };
}

function draw(canvas, { spots, width, paint, at, only, groups }) {
  const pen = penOf(canvas, width, HEIGHT);
  pen.font = "600 11px system-ui, sans-serif";
  [pen.textAlign, pen.textBaseline] = ["center", "middle"];
  const order = [...spots.keys()];
  if (only !== null) order.sort((a, b) => (groups[a] === only) - (groups[b] === only));
  for (const number of order) {
    const [x, y] = spots[number];
    pen.globalAlpha = only === null || groups[number] === only ? 0.8 : FAINT;
    pen.fillStyle = paint.color(groups[number]);
    if (paint.glyphs) pen.fillText(paint.glyphs[groups[number]], x, y);
    else shape(pen, x, y, groups[number] ?? 0);
  }
  if (at === null) return;
  pen.globalAlpha = 1;
  pen.strokeStyle = getComputedStyle(canvas).color;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.arc(...spots[at], 9, 0, 2 * Math.PI);
  pen.stroke();
}

/** A dot; groups whose color repeats are squares. */
function shape(pen, x, y, group) {
  if (group >= SERIES.length) pen.fillRect(x - RADIUS, y - RADIUS, 2 * RADIUS, 2 * RADIUS);
  else {
    pen.beginPath();
    pen.arc(x, y, RADIUS, 0, 2 * Math.PI);
    pen.fill();
  }
}

/** The point at the pointer; null where none is near. */
export function nearest(spots, x, y, isOn) {
  let [best, distance] = [null, NEAR ** 2];
  spots.forEach(([a, b], number) => {
    const gap = (a - x) ** 2 + (b - y) ** 2;
    if (gap <= distance && isOn(number)) [best, distance] = [number, gap];
  });
  return best;
}

/** The next point in a direction: near, and not far to the side; the same where there is none. */
export function next(spots, from, [across, down], isOn) {
  if (from === null) return spots.findIndex((_, number) => isOn(number));
  let [best, cost] = [from, Infinity];
  const [x, y] = spots[from];
  spots.forEach(([a, b], number) => {
    const ahead = (a - x) * across + (b - y) * down;
    const aside = Math.abs((a - x) * down) + Math.abs((b - y) * across);
    if (number === from || ahead <= 0 || !isOn(number)) return;
    if (ahead + 3 * aside < cost) [best, cost] = [number, ahead + 3 * aside];
  });
  return best;
}

function first(record, isOn) {
  const number = record.points.findIndex((_, place) => isOn(place));
  return number < 0 ? null : number;
}
