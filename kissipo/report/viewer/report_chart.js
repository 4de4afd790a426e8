/** Charts of a report: curves over one axis by uPlot, other drawings as SVG. */

import { html, useMemo } from "./vendor/preact.js";
import { extent } from "./drawing.js";
import { LineChart, SERIES } from "./line_chart.js";
import { numberText } from "./text.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [56, 12, 12, 40];
const SQUARE = 320; // the height of a drawing whose axes have limits
const MANY = 1000; // points above which dots are thinner

/** One chart, as `record_json.py` describes it. */
export function Chart({ record }) {
  const series = record.series.filter((line) => line.points.length);
  if (!series.length) return null;
  const isCurve = !record.limits && series.every((line) => rises(line.points));
  return isCurve ? html`<${Curves} record=${record} series=${series} />`
    : html`<${Drawing} record=${record} series=${series} />`;
}

function rises(points) {
  return points.every(([x], place) => x !== null && (!place || x > points[place - 1][0]));
}

function Curves({ record, series }) {
  const given = useMemo(() => joined(record, series), [record]);
  const band = record.band && record.band.map((name) => series.findIndex((line) => line.name === name));
  return html`<${LineChart} x=${given.x} series=${given.series} xLabel=${record.x_label}
    yLabel=${record.y_label} height=${record.height} time=${record.is_time} spans=${record.spans}
    band=${band && band.every((place) => place >= 0) ? band : undefined}
    marker=${record.marker} level=${record.level} log=${record.log_scale} />
    ${record.marker !== null && record.marker_name && html`<p class="dim">Dashed vertical line: ${record.marker_name}.</p>`}`;
}

/** All series over the union of their positions; null where one has no value. */
function joined(record, series) {
  const x = [...new Set(series.flatMap((line) => line.points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(x.map((at, number) => [at, number]));
  let color = 0;
  const lines = series.map((line) => {
    const values = new Array(x.length).fill(null);
    for (const [at, value] of line.points) values[place.get(at)] = usable(value, record.log_scale);
    const inBand = record.band && record.band.includes(line.name);
    return { name: line.name, values, ...look(record, line.name, inBand ? 1 : color++, inBand) };
  });
  return { x, series: lines };
}

function usable(value, log) {
  return log && value <= 0 ? null : value;
}

function look(record, name, number, inBand) {
  const dashed = record.dashed.includes(name);
  return {
    color: SERIES[number % SERIES.length],
    dots: record.dots.includes(name),
    dash: dashed ? [6, 4] : undefined,
    width: inBand ? 0.5 : dashed ? 1.2 : 1.8,
  };
}

function Drawing({ record, series }) {
  const frame = frameOf(record, series);
  const { width, height, x, y } = frame;
  const names = series.map((line) => line.name).filter(Boolean);
  const label = `${record.y_label} over ${record.x_label}${names.length ? `: ${names.join(", ")}` : ""}`;
  return html`<figure class="drawing">
    <svg viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${label}>
      ${record.surface && html`<image x=${LEFT} y=${TOP} width=${width - LEFT - RIGHT}
        height=${height - TOP - BOTTOM} preserveAspectRatio="none" href=${record.surface} />`}
      ${ticks(frame.xLimits).map((value) => html`<text class="tick" x=${x(value)} y=${height - BOTTOM + 16}
        text-anchor="middle">${numberText(value, 3)}</text>`)}
      ${ticks(frame.yLimits).map((value) => html`<line class="grid" x1=${LEFT} x2=${width - RIGHT}
        y1=${y(value)} y2=${y(value)} /><text class="tick" x=${LEFT - 6} y=${y(value) + 4}
        text-anchor="end">${numberText(value, 3)}</text>`)}
      ${record.level !== null && html`<line class="level" x1=${LEFT} x2=${width - RIGHT}
        y1=${y(record.level)} y2=${y(record.level)} />`}
      ${series.map((line, number) => html`<${Line} line=${line} number=${number} record=${record} frame=${frame} />`)}
      <text class="label" x=${width - RIGHT} y=${height - 6} text-anchor="end">${record.x_label}</text>
      <text class="label" transform="rotate(-90)" x=${-(height - BOTTOM + TOP) / 2} y="14"
        text-anchor="middle">${record.y_label}</text>
    </svg>
    ${names.length > 1 && html`<p class="legend">${series.map((line, number) => html`<span>
      <i class=${`swatch stroke-${number % SERIES.length}`} /> ${line.name}</span>`)}</p>`}
  </figure>`;
}

function frameOf(record, series) {
  const points = series.flatMap((line) => line.points).filter(([x, y]) => x !== null && y !== null);
  const [xLimits, yLimits] = record.limits
    ?? [extent(points.map(([x]) => x)), extent(points.map(([, y]) => y))];
  const height = record.area ? 200 : SQUARE;
  const width = record.area ? 240 : 400;
  const scale = ([low, high], from, to) => (value) =>
    Math.round(10 * (from + ((value - low) / (high - low || 1)) * (to - from))) / 10;
  return { width, height, xLimits, yLimits, x: scale(xLimits, LEFT, width - RIGHT),
    y: scale(yLimits, height - BOTTOM, TOP) };
}

/** A series: a path of dots, or a line with the area below it and a dot at its end. */
function Line({ line, number, record, frame }) {
  const { x, y, height } = frame;
  const points = line.points.filter(([a, b]) => a !== null && b !== null);
  const kind = `stroke-${number % SERIES.length}`;
  if (record.dots.includes(line.name)) {
    const dots = points.map(([a, b]) => `M${x(a)} ${y(b)}h0`).join("");
    const labels = record.point_labels[line.name] ?? [];
    return html`<path class=${`dots ${points.length > MANY ? "thin" : ""} ${kind}`} d=${dots} />
      ${labels.map((label, index) => html`<text class="point" x=${x(points[index][0]) + 3}
        y=${y(points[index][1]) - 3}>${label}</text>`)}`;
  }
  const path = points.map(([a, b]) => `${x(a)},${y(b)}`).join(" ");
  const [first, last] = [points[0], points[points.length - 1]];
  const base = height - BOTTOM;
  return html`
    ${record.area && html`<polygon class=${`area ${kind}`}
      points=${`${path} ${x(last[0])},${base} ${x(first[0])},${base}`} />`}
    <polyline class=${`line ${kind} ${record.dashed.includes(line.name) ? "dashed" : ""}`} points=${path} />
    ${record.surface && html`<path class=${`dots ${kind}`} d=${`M${x(last[0])} ${y(last[1])}h0`} />`}`;
}

/** About four round numbers between two limits. */
function ticks([low, high]) {
  const rough = (high - low || 1) / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 2.5, 5, 10].find((factor) => size * factor >= rough * 0.99);
  const values = [];
  for (let number = Math.ceil(low / step - 1e-9); number * step <= high + 1e-9 * step; number++) {
    values.push(Number((number * step).toPrecision(12)));
  }
  return values;
}
