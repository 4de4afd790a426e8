/** Lines over a common axis, drawn by uPlot, with the values at the cursor in a fixed place. */

import { html, useEffect, useRef, useState } from "./vendor/preact.js";
import { uPlot } from "./vendor/uplot.js";
import { watchTheme } from "./drawing.js";
import { numberText } from "./text.js";

/** Colors that stay apart for color-blind readers, as names of CSS variables. */
export const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5",
  "--series-6", "--series-7", "--series-8"];

/**
 * A chart.
 *
 * x:       the common values of the horizontal axis, rising
 * series:  [{name, values, color (a CSS variable), width, dash, dots}]; null is a gap
 * xLabel, yLabel:  what the axes are
 * xNames:  texts in place of the numbers of the horizontal axis
 * time:    x is in seconds since 1970, in UTC
 * band:    [number, number] of two series between which the area is filled
 * marker:  x of a dashed vertical line; level: y of a dashed horizontal one
 * spans:   intervals of x that are shaded
 * log:     the vertical axis is logarithmic
 * onPick:  is called with the number of the point that is clicked
 */
export function LineChart(given) {
  const { x, series, xNames, height = 240, onPick } = given;
  const place = useRef();
  const plot = useRef(null);
  const [at, setAt] = useState(null);
  useEffect(() => {
    const build = () => {
      if (plot.current) plot.current.destroy();
      plot.current = new uPlot(optionsOf(given, place.current, setAt), dataOf(x, series), place.current);
    };
    build();
    const resized = new ResizeObserver(() => {
      plot.current.setSize({ width: widthOf(place.current), height });
    });
    resized.observe(place.current.parentElement);
    const stopWatching = watchTheme(build);
    return () => {
      resized.disconnect();
      stopWatching();
      plot.current.destroy();
      plot.current = null;
    };
  }, [x, series, given.marker, given.level, given.log]);
  const key = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((before) => Math.min(x.length - 1, Math.max(0, (before ?? -step) + step)));
    } else if (event.key === "Enter" && at !== null && onPick) onPick(at);
  };
  return html`<figure class="line-chart">
    <div ref=${place} class="plot" tabindex="0" role="application" aria-label=${summary(given)}
      onKeyDown=${key} onClick=${() => at !== null && onPick && onPick(at)} />
    <p class="legend">${series.map((line, number) => html`<span><i class="swatch"
      style=${{ background: `var(${line.color ?? SERIES[number % SERIES.length]})` }} /> ${line.name}${at === null ? "" : html` <b>${numberText(line.values[at])}</b>`}</span>`)}
      ${at !== null && html`<span class="at">${given.xLabel || "x"} ${positionText(given, at)}</span>`}</p>
  </figure>`;
}

function summary({ series, xLabel, yLabel, name }) {
  const lines = series.map((line) => line.name).join(", ");
  return `${name || yLabel || "chart"}: ${lines} over ${xLabel || "x"}. Arrow keys move along it.`;
}

function widthOf(element) {
  return Math.max(240, element.parentElement.clientWidth);
}

function dataOf(x, series) {
  return [x, ...series.map((line) => line.values)];
}

function optionsOf(given, element, setAt) {
  const { series, height = 240, xLabel, yLabel, xNames, band, log } = given;
  const ink = getComputedStyle(element);
  const color = (name) => ink.getPropertyValue(name).trim();
  const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line") }, font: "12px system-ui", labelFont: "12px system-ui",
    labelSize: 18 };
  return {
    width: widthOf(element), height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { x: { time: Boolean(given.time) }, y: { distr: log ? 3 : 1, range: given.yRange } },
    axes: [
      { ...axis, ...wholeSteps(given), label: xLabel || undefined, space: xNames ? 10 + 8 * String(xNames[0]).length : 50, values: xNames && ((_, ticks) => ticks.map((tick) => nameAt(given, tick))) },
      { ...axis, label: yLabel || undefined, size: 56, grid: log ? { ...axis.grid, filter: powers } : axis.grid, ticks: log ? { ...axis.ticks, filter: powers } : axis.ticks, values: (_, ticks) => ticks.map((tick) => tickText(tick, log)) },
    ],
    series: [{}, ...series.map((line, number) => seriesOf(line, color(line.color ?? SERIES[number % SERIES.length])))],
    bands: band ? [{ series: [band[1] + 1, band[0] + 1], fill: color("--band") }] : [],
    hooks: {
      setCursor: [(plot) => setAt(plot.cursor.idx ?? null)],
      drawClear: [(plot) => shade(plot, given, color)],
      draw: [(plot) => lines(plot, given, color)],
    },
  };
}

/** A tick of the vertical axis; of a logarithmic one only the powers of ten. */
function tickText(tick, log) {
  if (tick === null || tick === undefined) return "";
  if (!log) return numberText(tick, 3);
  const power = Math.log10(tick);
  return Math.abs(power - Math.round(power)) < 1e-9 ? `1e${Math.round(power)}`.replace("-", "−") : "";
}

/** The position of a point as text: its name, its date, or its number. */
function positionText({ x, xNames, time }, at) {
  if (xNames) return xNames[at];
  if (!time) return numberText(x[at]);
  const text = new Date(x[at] * 1000).toISOString().replace("T", " ").replace(/(:00)?\.000Z$/, "");
  return text.replace(/ 00:00$/, "");
}

/** Ticks at whole numbers, where all positions are such: epochs and steps. */
function wholeSteps({ x, time }) {
  if (time || !x.every(Number.isInteger)) return {};
  return { incrs: [1, 2, 5].flatMap((first) => [0, 1, 2, 3, 4, 5].map((power) => first * 10 ** power))
    .sort((a, b) => a - b) };
}

/** Of the grid of a logarithmic axis the powers of ten. */
function powers(_, ticks) {
  return ticks.map((tick) => (tick !== null && tickText(tick, true) ? tick : null));
}

function nameAt({ x, xNames }, tick) {
  const place = x.indexOf(tick);
  return place < 0 ? "" : xNames[place];
}

function seriesOf(line, color) {
  return { label: line.name, stroke: color, width: line.dots ? 0 : line.width ?? 1.8, dash: line.dash,
    points: { show: Boolean(line.dots), size: 5, fill: color, stroke: color }, spanGaps: true,
    paths: line.dots ? () => null : undefined };
}

function shade(plot, { spans = [] }, color) {
  const { ctx, bbox } = plot;
  ctx.fillStyle = color("--span");
  for (const [from, to] of spans) {
    const left = plot.valToPos(from, "x", true);
    ctx.fillRect(left, bbox.top, Math.max(2, plot.valToPos(to, "x", true) - left), bbox.height);
  }
}

function lines(plot, { marker, level }, color) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = color("--dim");
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  if (marker !== undefined && marker !== null) {
    const x = plot.valToPos(marker, "x", true);
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
  }
  if (level !== undefined && level !== null) {
    const y = plot.valToPos(level, "y", true);
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
  }
  ctx.stroke();
  ctx.restore();
}
