/** The real input: an image, tokens with their ids, a series as a line, a row with its names. */

import { html, useMemo } from "./vendor/preact.js";
import { HeatMap } from "./heat_map.js";
import { LineChart } from "./line_chart.js";
import { shortTimes } from "./xray_layers.js";
import { Steps } from "./xray_steps.js";
import { numberText, visible } from "./text.js";

const MANY_TOKENS = 120;

/** The inputs of a trace with the steps that encode them. */
export function InputCard({ source, trace, labels }) {
  const steps = trace.steps.filter((step) => step.stage === "input");
  const inputs = Object.keys(trace.tensors).filter((key) => trace.tensors[key].origin === "input");
  return html`${inputs.map((key, place) => html`<${OneInput} source=${source} trace=${trace}
      labels=${labels} name=${key} given=${trace.raw_inputs?.[place]} />`)}
    ${inputs.length > 0
      ? html`<ol class="steps">${steps.map((step) => html`<li><b>${step.name}</b> ${step.description}</li>`)}</ol>`
      : html`<${Steps} source=${source} trace=${trace} steps=${steps} labels=${labels} />`}`;
}

function OneInput({ source, trace, labels, name, given }) {
  const drawing = source.drawing(name);
  const about = trace.tensors[name];
  if (!drawing) return html`<p class="dim">The numbers of the input are too large for this page.</p>`;
  const axes = about.axes.filter((axis) => axis !== "batch");
  const isIds = drawing.tensor.data instanceof Int32Array;
  if (isIds && axes[0] === "time" && axes.length === 1) {
    return html`<${Tokens} ids=${drawing.tensor.data} names=${labels.time ?? []} known=${trace.labels.time ?? []}
      isText=${Boolean(trace.top.length)} />`;
  }
  if (isIds && axes.join() === "term,count") {
    return html`<${Terms} tensor=${drawing.tensor} names=${labels.term ?? []} />`;
  }
  if (isIds && axes.length === 0) {
    return html`<${State} id=${drawing.tensor.data[0]} names=${trace.labels.state ?? []} given=${given} />`;
  }
  if (axes.includes("height") && axes.includes("width")) {
    const channels = about.shape[about.axes.indexOf("channel")] ?? 1;
    const isPhoto = (channels === 1 || channels === 3) && isBetween(drawing.tensor.data);
    return html`<${HeatMap} drawing=${drawing} name="the input image" photo=${isPhoto} tall=${224} />`;
  }
  if (axes[0] === "time" && given && isSeries(given)) {
    return html`<${Series} given=${given} />`;
  }
  if (given && axes.length === 1 && labels.feature?.length === drawing.tensor.size) {
    return html`<${Row} given=${given} tensor=${drawing.tensor} names=${labels.feature} />`;
  }
  return html`<${HeatMap} drawing=${drawing} name="the input" labels=${labels} tall=${160} />`;
}

function isBetween(data) {
  return data.every((value) => value >= 0 && value <= 1);
}

function isSeries(given) {
  const columns = Object.values(given.columns);
  return columns.length > 0 && columns[0].length > 1 &&
    columns[0].every((text) => text === "" || Number.isFinite(Number(text)));
}

/** Words or letters with their ids; unknown ones and the padding are marked. */
export function Tokens({ ids, names, known, isText }) {
  const padding = isText ? 0 : trailingZeros(ids);
  const count = ids.length - padding;
  const shown = Math.min(count, MANY_TOKENS);
  return html`<div class="tokens">
    ${Array.from({ length: shown }, (_, step) => {
      const unknown = known[step] === "(unknown)";
      return html`<span class=${unknown ? "token unknown" : "token"} title=${unknown ? "not in the vocabulary" : ""}>
        ${visible(names[step] ?? String(ids[step]))}<small>${ids[step]}</small></span>`;
    })}
    ${count > shown && html`<span class="dim"> and ${count - shown} more</span>`}
    ${padding > 0 && html`<span class="token padding">padding × ${padding}<small>0</small></span>`}
  </div>
  <p class="dim">Below each token stands its id.${known.includes("(unknown)") ? " A dashed one is not in the vocabulary." : ""}</p>`;
}

/** The terms of a text with their counts; padding is left out. */
export function Terms({ tensor, names }) {
  const pairs = Array.from({ length: tensor.size / 2 }, (_, row) => [tensor.flat(2 * row), tensor.flat(2 * row + 1)]);
  const found = pairs.map(([id, count], row) => ({ name: names[row] ?? String(id), count, id })).filter(({ id }) => id > 0);
  return html`<div class="tokens">${found.slice(0, MANY_TOKENS).map(({ name, count }) => html`<span class="token">
      ${visible(name)}<small>${count} ×</small></span>`)}
    ${found.length > MANY_TOKENS && html`<span class="dim"> and ${found.length - MANY_TOKENS} more</span>`}</div>
    <p class="dim">Below each term stands how often it occurs in the text.</p>`;
}

/** One of a finite number of states, by its number and its name, or a value with its id. */
export function State({ id, names, given }) {
  const name = names[id] ?? Object.values(given?.columns ?? {})[0]?.[0] ?? String(id);
  return html`<div class="tokens"><span class="token">${visible(name)}<small>${id}</small></span></div>
    <p class="dim">${names.length > 0
      ? `Below the state stands its number, one of 0 to ${names.length - 1}.`
      : "Below the value stands its id."}</p>`;
}

function trailingZeros(ids) {
  let count = 0;
  while (count < ids.length && ids[ids.length - 1 - count] === 0) count += 1;
  return count;
}

/** The window of a series in its own unit over its own time. */
export function Series({ given, height = 180 }) {
  const { x, series, xNames } = useMemo(() => seriesOf(given), [given]);
  return html`<${LineChart} x=${x} series=${series} xNames=${xNames} xLabel=${xNames ? "" : "step"}
    height=${height} name="the input window" />`;
}

/** The columns of a window as series over its steps. */
export function seriesOf(given) {
  const columns = Object.entries(given.columns);
  const x = columns[0][1].map((_, step) => step);
  const series = columns.slice(0, 8).map(([name, texts]) => ({
    name, values: texts.map((text) => (text === "" ? null : Number(text))),
  }));
  return { x, series, xNames: given.times.length === x.length ? shortTimes(given.times) : undefined };
}

function Row({ given, tensor, names }) {
  return html`<div class="wide"><table><thead><tr><th>column</th><th class="n">value</th><th class="n">as the net sees it</th></tr></thead>
    <tbody>${names.map((name, place) => html`<tr><td>${name}</td>
      <td class="n">${given.columns[name]?.[0] ?? ""}</td>
      <td class="n">${numberText(tensor.flat(place), 3)}</td></tr>`)}</tbody></table></div>`;
}
