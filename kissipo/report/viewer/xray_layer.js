/** The selected layer: what it reads, what it outputs, and the terms of any of its numbers. */

import { html, useMemo } from "./vendor/preact.js";
import { HeatMap } from "./heat_map.js";
import { Lens, useBreakdown } from "./lens.js";
import { State, Terms, Tokens } from "./xray_input.js";
import { isComputed, labelsFor, layerOf, makerOf, stacked } from "./xray_layers.js";
import { fittingScale, shareScale } from "./colors.js";
import { bytesText, integerText, numberText, shapeText } from "./text.js";

const MANY_INPUTS = 3;
const SHARES = /^(softmax|sigmoid|sigmoid_)$/;

/** The panel of one layer. */
export function LayerPanel(view) {
  const { source, trace, groups, number, state, change, choose } = view;
  const group = groups[number];
  const call = Math.min(group.calls.length - 1, Math.max(0, Number(state.call ?? 0)));
  const layer = group.calls[call];
  const keys = useMemo(() => trace.operations.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]), [trace]);
  const { cell, breakdown } = useBreakdown(source, state, keys);
  const open = (key, index) => change({ cell: `${key}:${index.join(",")}` });
  return html`<section class="layer" aria-label="Layer">
    <div class="layer-head"><h2>${group.description}</h2><span class="dim">${group.name}</span>
      <button type="button" disabled=${number === 0} onClick=${() => choose(number - 1)} aria-label="layer before">←</button>
      <span class="dim">layer ${number + 1} of ${groups.length}</span>
      <button type="button" disabled=${number === groups.length - 1} onClick=${() => choose(number + 1)} aria-label="next layer">→</button></div>
    <${Calls} group=${group} call=${call} change=${change} />
    <${Facts} trace=${trace} layer=${layer} />
    <div class="layer-tensors">
      <div class="layer-input"><h3>Its input</h3>${inputsOf(trace, layer).slice(0, MANY_INPUTS).map((key) =>
        html`<${TensorView} key=${key} ...${view} name=${key} outlines=${outlinesIn(breakdown, key)} open=${open} cell=${cell} />`)}</div>
      <div class="layer-output"><h3>Its output</h3><${TensorView} key=${layer.output} ...${view} name=${layer.output}
        outlines=${outlinesIn(breakdown, layer.output)} open=${open} cell=${cell} />
        <${Gradient} ...${view} layer=${layer} />
        <${AllCalls} ...${view} group=${group} /></div>
      <${Lens} ...${view} cell=${cell} breakdown=${breakdown} open=${open} layer=${layer} />
    </div>
  </section>`;
}

function Calls({ group, call, change }) {
  if (group.calls.length < 2) return null;
  return html`<p><label>call <input type="range" min="0" max=${group.calls.length - 1} value=${call}
    onInput=${(event) => change({ call: event.target.value, cell: undefined })} /></label>
    ${call + 1} of ${group.calls.length}: the layer is used several times.</p>`;
}

function Facts({ trace, layer }) {
  const about = trace.tensors[layer.output];
  const statistics = about.statistics ?? {};
  const facts = [
    ["output", shapeText(about.axes, about.shape)],
    ["parameters", integerText(layer.parameters)],
    layer.multiplications !== null && ["multiplications", integerText(layer.multiplications)],
    ["mean", numberText(statistics.mean, 3)],
    ["from", `${numberText(statistics.min, 3)} to ${numberText(statistics.max, 3)}`],
    statistics.zeros > 0 && ["zeros", `${Math.round(100 * statistics.zeros)} %`],
    statistics.not_finite > 0 && ["not finite", integerText(statistics.not_finite)],
    layer.gradient !== null && ["norm of the gradient", numberText(layer.gradient, 3)],
    ["memory", bytesText(4 * about.shape.reduce((product, side) => product * side, 1))],
  ];
  return html`<dl class="facts">${facts.filter(Boolean).map(([name, value]) =>
    html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The tensors that a layer reads: of the operation that computes its output, without weights. */
function inputsOf(trace, layer) {
  const isData = (key) => trace.tensors[key] && !["weight", "constant"].includes(trace.tensors[key].origin);
  const direct = layer.inputs.filter(isData);
  return direct.length ? direct : (makerOf(trace, layer.output)?.operation.inputs ?? []).filter(isData);
}

/** A tensor as tokens, as an image or as a map; its cells can be breakdown. */
export function TensorView({ source, trace, labels, name, outlines, open, cell }) {
  const about = trace.tensors[name];
  const drawing = useMemo(() => source.drawing(name), [source, name]);
  const names = useMemo(() => labelsFor(trace, name, labels), [trace, name, labels]);
  const scale = useMemo(() => scaleOf(trace, name, drawing), [name, drawing]);
  const title = `${layerOf(trace, name)}, ${shapeText(about.axes, about.shape)}`;
  if (!drawing) return html`<p class="dim">${title}: only its statistics fit into this page.</p>`;
  const { tensor } = drawing;
  const isIds = about.dtype === "int64" && labels.time?.length >= tensor.size;
  if (isIds && about.axes[about.axes.length - 1] === "time") {
    return html`<p class="dim">${title}</p><${Tokens} ids=${tensor.data} names=${labels.time ?? []}
      known=${trace.labels.time ?? []} isText=${Boolean(trace.top.length)} />`;
  }
  if (about.dtype === "int64" && about.axes.slice(-2).join() === "term,count") {
    return html`<p class="dim">${title}</p><${Terms} tensor=${tensor} names=${labels.term ?? []} />`;
  }
  if (about.dtype === "int64" && tensor.size === 1 && trace.labels.state) {
    return html`<p class="dim">${title}</p><${State} id=${tensor.flat(0)} names=${trace.labels.state} />`;
  }
  const canOpen = isComputed(trace, name);
  return html`<p class="dim">${title}</p><${HeatMap} drawing=${drawing} name=${title} labels=${names} scale=${scale}
    outlines=${outlines} selected=${cell && cell.key === name && drawing.exact ? cell.index : undefined}
    onOpen=${canOpen ? (index) => open(name, exactIndex(index, drawing, about)) : undefined} />`;
}

function exactIndex(index, { stride }, about) {
  const reduced = about.shape.map((side, axis) => (side > 1 ? axis : -1)).filter((axis) => axis >= 0).slice(-2);
  return index.map((number, axis) =>
    (reduced.includes(axis) ? Math.min(about.shape[axis] - 1, number * stride) : number));
}

function scaleOf(trace, name, drawing) {
  const maker = makerOf(trace, name);
  if (maker && SHARES.test(maker.operation.name)) return shareScale();
  return drawing ? fittingScale(drawing.tensor.data) : undefined;
}

/** The sources of the open cell that lie in a tensor; undefined for none. */
export function outlinesIn(breakdown, key) {
  if (!breakdown?.explanation) return undefined;
  const terms = [breakdown.explanation, ...breakdown.explanation.parts].flatMap((part) => part.terms);
  const found = terms.filter((term) => term.source?.tensor === key).map((term) => term.source.index);
  return found.length ? found : undefined;
}

/** How the loss of the example changes with each number of the output. */
function Gradient({ source, trace, labels, layer }) {
  const key = layer.gradient_tensor;
  const drawing = useMemo(() => (key ? source.drawing(key) : null), [source, key]);
  if (!drawing) return null;
  const title = `gradient of ${layerOf(trace, layer.output)}`;
  return html`<h3>The gradient of its output</h3>
    <p class="dim">How much the loss of this example rises when a number of the output rises by a little (red), or falls (blue).</p>
    <${HeatMap} drawing=${drawing} name=${title} labels=${labelsFor(trace, key, labels)} />`;
}

/** The outputs of all calls below each other, such as the attention of every step. */
function AllCalls({ source, trace, labels, group }) {
  const drawing = useMemo(() => stacked(source, group, ["call", "value"]), [source, group]);
  if (!drawing || /attention.*softmax$/.test(group.name)) return null;
  const names = {};
  if (labels.time?.length === drawing.tensor.shape[1]) names.value = labels.time;
  return html`<h3>All calls</h3><${HeatMap} drawing=${drawing} name=${`all calls of ${group.name}`} labels=${names}
    scale=${scaleOf(trace, group.calls[0].output, drawing)} />`;
}
