/** A map of a tensor on a canvas: named axes, a cursor with its value, cells that open. */

import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { css, fittingScale } from "./colors.js";
import { layoutOf, sampleIndex, sampleOf, wholeIndex } from "./map_layout.js";
import { counted, numberText, visible } from "./text.js";

const LETTER = 7; // the width of a letter of a label
const ROW = 12; // the height of a line of names
const ROW_LABELS = 96; // the width of the names of rows
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * The map of a tensor.
 *
 * drawing:   {tensor, stride, exact} as `Source.drawing` gives it
 * name:      what is drawn, for readers of the screen
 * labels:    names along an axis by the name of the axis: {time: ["t", "h", "e"]}
 * scale:     the scale of the colors; the one that fits when omitted
 * photo:     draws one or three channels as an image
 * outlines:  indices (with the batch) of cells that are outlined
 * selected:  the index of the open cell; column, row: a step and a unit that are marked
 * tall:      how high the map may be, in pixels
 * onOpen:    is called with the index of a cell that is opened; onMove: of the cursor
 */
export function HeatMap(given) {
  const { drawing, name, labels = {}, photo = false, tall = 280, onOpen, onMove } = given;
  const { tensor, stride, exact } = drawing;
  const [most, setMost] = useState(64);
  const [width, setWidth] = useState(0);
  const [cursor, setCursor] = useState(null);
  const [place, canvas, over] = [useRef(), useRef(), useRef()];
  const sample = useMemo(() => sampleOf(tensor), [tensor]);
  const layout = useMemo(() => layoutFor(tensor, sample, photo, most, { width: width || 600, height: 1.5 * tall }),
    [tensor, photo, most, width]);
  const scale = useMemo(() => given.scale ?? fittingScale(tensor.data), [tensor, given.scale]);
  const names = useMemo(() => namesOf(sample, layout, labels, stride), [sample, layout, labels]);
  const size = sizeOf(layout, sample, (width || 600) - (names.rows ? ROW_LABELS : 0), tall, names);

  useEffect(() => observed(place.current, setWidth), []);
  useEffect(() => width > 0 ? draw(canvas.current, tensor, layout, scale, photo) : undefined,
    [tensor, layout, scale, photo]);
  useEffect(() => redrawOnTheme(() => draw(canvas.current, tensor, layout, scale, photo)),
    [tensor, layout, scale, photo]);
  useEffect(() => mark(over.current, layout, size, marksOf(given, tensor, layout, cursor)),
    [layout, size.width, size.height, cursor, given.outlines, given.selected, given.column, given.row]);

  const latest = useRef(null); // keys may come faster than the page is drawn
  latest.current = cursor;
  const moveTo = (index) => {
    latest.current = index;
    setCursor(index);
    if (index && onMove) onMove(wholeIndex(tensor, index));
  };
  const point = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * layout.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * layout.height);
    return layout.index(Math.max(0, x), Math.max(0, y));
  };
  const open = (index) => index && onOpen && onOpen(wholeIndex(tensor, index));
  const key = (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(latest.current ?? layout.index(0, 0));
    } else if (KEYS[event.key]) {
      event.preventDefault();
      event.stopPropagation();
      moveTo(moved(layout, latest.current, KEYS[event.key]));
    }
  };
  const shown = cursor ?? shownIndex(given, tensor);
  return html`<div class="map" ref=${place}>
    <div class="map-body">
      ${names.rows && html`<${RowNames} names=${names.rows} height=${size.height} />`}
      <div class="map-canvas" style=${{ width: `${size.width}px`, height: `${size.height}px` }}>
        <canvas ref=${canvas} class="cells" tabindex="0" role="application"
          aria-label=${`${name}: ${describe(sample, layout)}. Arrow keys move, Enter shows its terms.`}
          data-key=${tensor.key} data-width=${layout.width} data-height=${layout.height}
          onMouseMove=${(event) => moveTo(point(event))} onMouseLeave=${() => setCursor(null)}
          onClick=${(event) => open(point(event))} onKeyDown=${key} />
        <canvas ref=${over} class="marks" aria-hidden="true" />
      </div>
    </div>
    ${names.columns && html`<${ColumnNames} names=${names.columns} width=${size.width}
      left=${names.rows ? ROW_LABELS : 0} at=${given.column} />`}
    <p class="map-note">
      ${!photo && html`<${ScaleBar} scale=${scale} />`}
      <span>${describe(sample, layout)}${stride > 1 ? `; each cell is the mean of ${stride} × ${stride}` : ""}</span>
      ${layout.hidden > 0 && html` <button type="button" onClick=${() => setMost(4096)}>
        show ${layout.hidden} more</button>`}
    </p>
    <p class="map-value" aria-live="polite">${shown
      ? valueText(tensor, sample, shown, labels, stride, exact)
      : onOpen ? "Point at a cell, or click it to see its terms." : "Point at a cell."}</p>
  </div>`;
}

/** The value under the cursor in words: time 12 “u”, unit 31 = −0.40. */
export function valueText(tensor, sample, index, labels = {}, stride = 1, exact = true) {
  const parts = index.map((number, axis) => {
    const known = labels[sample.axes[axis]];
    const label = known && stride === 1 && known[number] !== undefined ? ` “${visible(known[number])}”` : "";
    return `${sample.axes[axis]} ${number * (axis >= index.length - 2 ? stride : 1)}${label}`;
  });
  const value = tensor.at(wholeIndex(tensor, index));
  return `${parts.join(", ")}${parts.length ? " = " : ""}${exact ? "" : "about "}${numberText(value)}`;
}

function layoutFor(tensor, sample, photo, most, room) {
  if (!photo) return layoutOf(sample.shape, sample.axes, most, room);
  const channel = sample.axes.indexOf("channel");
  const shape = sample.shape.filter((_, axis) => axis !== channel);
  const layout = layoutOf(shape, ["height", "width"]);
  if (channel < 0) return layout;
  return {
    ...layout,
    rowAxis: channel === 0 ? 1 : 0,
    columnAxis: channel === 0 ? 2 : 1,
    photo: true,
    place: (index) => layout.place(index.filter((_, axis) => axis !== channel)),
    index: (x, y) => {
      const found = layout.index(x, y);
      return found && [...found.slice(0, channel), 0, ...found.slice(channel)];
    },
  };
}

/** The names of rows and columns, where there are as many as the map has. */
function namesOf(sample, layout, labels, stride) {
  const of = (axis, count) => {
    const names = axis >= 0 && stride === 1 ? labels[sample.axes[axis]] : undefined;
    return names && names.length >= count && layout.planes === 1 ? names.slice(0, count) : null;
  };
  if (layout.rowAxis < 0) {
    return { rows: null, columns: layout.rows === 1 ? of(layout.columnAxis, layout.columns) : null };
  }
  const rows = of(layout.rowAxis, layout.rows);
  return { rows: rows && layout.rows <= 40 ? rows : null, columns: of(layout.columnAxis, layout.columns) };
}

function sizeOf(layout, sample, width, tall, names) {
  const wide = Math.max(1, Math.min(28, Math.floor(width / layout.width)));
  const least = names.rows ? 14 : 1;
  if (layout.planes > 1) {
    const side = Math.min(24, width / layout.width, (1.5 * tall) / layout.height);
    return { width: side * layout.width, height: side * layout.height };
  }
  const isImage = layout.photo || isPlane(sample.axes) || (layout.rows > 1 && layout.columns > 1 && layout.rowAxis === 0);
  const high = Math.max(least, Math.min(28, Math.floor(tall / layout.height)));
  const side = Math.max(1, Math.min(wide, Math.max(high, Math.floor((tall * 1.6) / layout.height))));
  if (isImage && !names.rows) {
    return { width: Math.min(width, side * layout.width), height: Math.min(1, width / (side * layout.width)) * side * layout.height };
  }
  const height = layout.height * (layout.rows === 1 ? 28 : Math.max(least, Math.min(high, 14)));
  return { width: Math.min(width, wide * layout.width), height };
}

/** Reports the width of an element, now and after every change; returns what ends this. */
export function observed(element, setWidth) {
  const measure = () => setWidth(Math.max(160, element.clientWidth));
  measure();
  const observer = new ResizeObserver(measure);
  observer.observe(element);
  return () => observer.disconnect();
}

/** Redraws when the colors of the page change; returns what ends this. */
export function redrawOnTheme(redraw) {
  const theme = window.matchMedia("(prefers-color-scheme: dark)");
  theme.addEventListener("change", redraw);
  return () => theme.removeEventListener("change", redraw);
}

/** Draws every cell in the color of its value; between planes nothing is drawn. */
function draw(canvas, tensor, layout, scale, photo) {
  canvas.width = layout.width;
  canvas.height = layout.height;
  const image = new ImageData(layout.width, layout.height);
  const pixels = new Uint32Array(image.data.buffer);
  const places = placesOf(tensor, layout);
  const paint = photo ? photoColors(tensor) : heatColors(tensor, scale);
  for (let cell = 0; cell < places.length; cell++) {
    if (places[cell] >= 0) pixels[cell] = paint(places[cell]);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** The place in memory of every cell, row by row; -1 between planes. */
function placesOf(tensor, layout) {
  const strides = stridesOf(tensor);
  const places = new Int32Array(layout.width * layout.height).fill(-1);
  for (let y = 0; y < layout.height; y++) {
    for (let x = 0; x < layout.width; x++) {
      const index = layout.index(x, y);
      if (!index) continue;
      let place = 0;
      for (let axis = 0; axis < index.length; axis++) place += index[axis] * strides[axis];
      places[y * layout.width + x] = place;
    }
  }
  return places;
}

/** The step in memory along each axis of the sample. */
function stridesOf(tensor) {
  const all = new Array(tensor.shape.length);
  let step = 1;
  for (let axis = tensor.shape.length - 1; axis >= 0; axis--) {
    all[axis] = step;
    step *= tensor.shape[axis];
  }
  return sampleIndex(tensor, all);
}

function heatColors(tensor, scale) {
  const { low, high } = scale;
  const colors = scale.colors().map(packed);
  const nothing = packed(scale.color(NaN));
  const factor = (colors.length - 1) / (high - low || 1);
  return (place) => {
    const level = (tensor.data[place] - low) * factor;
    if (!(level > -Infinity && level < Infinity)) return nothing;
    return colors[level <= 0 ? 0 : level >= colors.length - 1 ? colors.length - 1 : Math.round(level)];
  };
}

function photoColors(tensor) {
  const axis = tensor.axes.indexOf("channel");
  const channels = axis < 0 ? 1 : tensor.shape[axis];
  const step = axis < 0 ? 0 : sizeAfter(tensor.shape, axis);
  const level = (place) => Math.round(255 * Math.min(1, Math.max(0, tensor.data[place])));
  return (place) => packed(channels === 3
    ? [level(place), level(place + step), level(place + 2 * step)]
    : [level(place), level(place), level(place)]);
}

function sizeAfter(shape, axis) {
  return shape.slice(axis + 1).reduce((product, side) => product * side, 1);
}

/** A color as one number, as a canvas stores it. */
function packed([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** The cells that are outlined, by kind: open cell, sources, cursor, and a marked row and column. */
function marksOf(given, tensor, layout, cursor) {
  const at = (whole) => layout.place(sampleIndex(tensor, whole));
  return {
    outlines: (given.outlines ?? []).map(at).filter(Boolean),
    selected: given.selected ? at(given.selected) : null,
    cursor: cursor ? layout.place(cursor) : null,
    column: given.column,
    row: given.row,
  };
}

function mark(canvas, layout, size, marks) {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * density);
  canvas.height = Math.round(size.height * density);
  const pen = canvas.getContext("2d");
  const [wide, high] = [canvas.width / layout.width, canvas.height / layout.height];
  const ink = getComputedStyle(canvas);
  const box = (cell, color, line) => {
    pen.strokeStyle = ink.getPropertyValue(color);
    pen.lineWidth = line * density;
    pen.strokeRect(cell.x * wide, cell.y * high, Math.max(wide, 3), Math.max(high, 3));
  };
  marks.outlines.forEach((cell) => box(cell, "--source", 1));
  if (marks.column !== undefined) {
    pen.strokeStyle = ink.getPropertyValue("--mark");
    pen.lineWidth = density;
    pen.strokeRect(marks.column * wide, 0, Math.max(wide, 2), canvas.height);
  }
  if (marks.row !== undefined) {
    pen.strokeStyle = ink.getPropertyValue("--mark");
    pen.lineWidth = density;
    pen.strokeRect(0, marks.row * high, canvas.width, Math.max(high, 2));
  }
  if (marks.cursor) box(marks.cursor, "--mark", 1.5);
  if (marks.selected) box(marks.selected, "--open", 2.5);
}

function moved(layout, cursor, [right, down]) {
  const from = cursor ? layout.place(cursor) : null;
  if (!from) return layout.index(0, 0);
  for (let step = 1; step <= 3; step++) {
    const [x, y] = [from.x + step * right, from.y + step * down];
    if (x < 0 || y < 0 || x >= layout.width || y >= layout.height) break;
    const found = layout.index(x, y);
    if (found) return found;
  }
  return cursor;
}

function shownIndex(given, tensor) {
  return given.selected ? sampleIndex(tensor, given.selected) : null;
}

function describe(sample, layout) {
  const { shape, axes } = sample;
  if (!shape.length) return "one number";
  const plain = (axis) => (axes[axis].startsWith("axis ") ? "number" : axes[axis]);
  if (shape.length === 1) return counted(shape[0], plain(0));
  const across = `${plain(layout.columnAxis)} from left to right (${shape[layout.columnAxis]})`;
  const down = shape[layout.rowAxis] > 1 ? `, ${plain(layout.rowAxis)} downward (${shape[layout.rowAxis]})` : "";
  const area = across + down;
  if (shape.length === 2 && !isPlane(axes)) return area;
  if (layout.photo || (layout.planes === 1 && isPlane(axes))) return `an image of ${shape[layout.columnAxis]} × ${shape[layout.rowAxis]} pixels`;
  const shown = layout.hidden > 0 ? `the first ${layout.planes} of ${layout.planes + layout.hidden}` : `${layout.planes}`;
  return `${shown} maps, one per ${axes.slice(0, -2).join(" and ")}; ${area}`;
}

function isPlane(axes) {
  return axes.slice(-2).join() === "height,width";
}

function RowNames({ names, height }) {
  return html`<div class="row-names" style=${{ height: `${height}px`, width: `${ROW_LABELS}px` }} aria-hidden="true">
    ${names.map((name) => html`<span>${visible(name)}</span>`)}</div>`;
}

/** The names under the columns; where they are too long, they stand upright. */
function ColumnNames({ names, width, left, at }) {
  const cell = width / names.length;
  const longest = Math.max(...names.map((name) => visible(name).length));
  const upright = longest > 2 && LETTER * longest > cell;
  const every = Math.max(1, Math.ceil((upright ? ROW : LETTER * longest) / cell));
  const isShown = (number) => number % every === 0 || number === at;
  return html`<div class=${upright ? "column-names upright" : "column-names"} style=${{ width: `${width}px`, marginLeft: `${left}px` }} aria-hidden="true">
    ${names.map((name, number) => isShown(number) && html`<span class=${number === at ? "at" : ""}
      style=${{ left: `${cell * number}px`, width: `${cell * every}px` }}>${visible(name)}</span>`)}</div>`;
}

/** The colors of a scale with the numbers at their ends. */
export function ScaleBar({ scale }) {
  const canvas = useRef();
  useEffect(() => {
    const colors = scale.colors();
    canvas.current.width = colors.length;
    canvas.current.height = 1;
    const pen = canvas.current.getContext("2d");
    colors.forEach((color, step) => {
      pen.fillStyle = css(color);
      pen.fillRect(step, 0, 1, 1);
    });
  }, [scale]);
  return html`<span class="scale">${numberText(scale.low, 3)}<canvas ref=${canvas} aria-hidden="true" />
    ${numberText(scale.high, 3)}${scale.note ? ` (${scale.note})` : ""}</span>`;
}
