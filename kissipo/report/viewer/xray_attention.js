/** Attention: for each head the weights of every key for every query. */

import { html, useMemo, useState } from "./vendor/preact.js";
import { HeatMap } from "./heat_map.js";
import { shareScale } from "./colors.js";
import { Lens, useBreakdown } from "./lens.js";
import { Tensor } from "./tensor.js";
import { stacked } from "./xray_layers.js";

/** One panel per attention. */
export function AttentionPanels({ source, trace, labels, groups, state, change }) {
  const layers = trace.expanded.filter((item) => item.attention);
  const steps = useMemo(() => attentionByStep(source, trace, groups, labels), [source, groups]);
  if (!layers.length && !steps) return null;
  return html`<section aria-label="Attention"><h2>Attention</h2>
    <p class="dim">A row is a query: its weights over the keys sum to 1.</p>
    ${steps && html`<h3>${steps.name}</h3><${HeatMap} drawing=${steps.drawing} name="attention of every step" labels=${steps.labels} scale=${shareScale()} />`}
    ${layers.map((item) => html`<${Heads} source=${source} trace=${trace} labels=${labels} item=${item} state=${state} change=${change} />`)}</section>`;
}

/** The weights of additive attention: a row for each written token, a column for each read one. */
function attentionByStep(source, trace, groups, labels) {
  const group = groups.find(({ name, calls }) => /attention.*softmax$/.test(name) && calls.length > 1);
  const drawing = group && stacked(source, group, ["query", "key"]);
  if (!drawing) return null;
  const [queries, keys] = drawing.tensor.shape;
  const tokens = trace.labels.query ?? [];
  const names = {};
  if (labels.time?.length === keys) names.key = labels.time;
  if (!tokens.length || tokens.length > queries) return { name: group.name, drawing, labels: names };
  const { axes, data } = drawing.tensor; // after the end of the text nothing is written
  const tensor = new Tensor("", [tokens.length, keys], axes, data.subarray(0, tokens.length * keys));
  return { name: group.name, drawing: { ...drawing, tensor }, labels: { ...names, query: tokens } };
}

function Heads({ source, trace, labels, item, state, change }) {
  const key = item.attention.weights;
  const [, heads, queries, keys] = trace.tensors[key].shape;
  const [head, setHead] = useState(0);
  const [all, setAll] = useState(false);
  const drawing = useMemo(() => headOf(source, key, all ? -1 : head), [source, key, head, all]);
  const { cell, breakdown } = useBreakdown(source, state, Object.values(item.attention));
  const open = (name, index) => change({ cell: `${name}:${index.join(",")}` });
  const names = {};
  if (labels.time?.length === queries) names.query = labels.time;
  if (labels.time?.length === keys) names.key = labels.time;
  return html`<div><h3>${item.layer}${item.call ? `, call ${item.call + 1}` : ""}</h3>
    ${heads > 1 && html`<p><label>head <input type="range" min="0" max=${heads - 1} value=${head}
      onInput=${(event) => { setHead(Number(event.target.value)); setAll(false); }} /></label> ${all ? "all" : `${head + 1} of ${heads}`}
      <button type="button" aria-pressed=${all} onClick=${() => setAll(!all)}>all heads</button></p>`}
    ${drawing
      ? html`<${HeatMap} key=${all} drawing=${drawing} name=${`attention of ${item.layer}`} labels=${names} scale=${shareScale()}
          onOpen=${(index) => open(key, all ? [0, ...index] : [0, head, ...index])} />`
      : html`<p class="dim">Only its statistics fit into this page.</p>`}
    ${cell && html`<${Lens} source=${source} trace=${trace} cell=${cell} breakdown=${breakdown} open=${open} />`}</div>`;
}

function headOf(source, key, head) {
  const tensor = source.tensor(key);
  if (!tensor) return null;
  const [, heads, queries, keys] = tensor.shape;
  const size = queries * keys;
  const first = head < 0 ? 0 : head;
  const data = tensor.data.subarray(first * size, (head < 0 ? heads : head + 1) * size);
  const [shape, axes] = head < 0 ? [[heads, queries, keys], ["head", "query", "key"]] : [[queries, keys], ["query", "key"]];
  return { tensor: new Tensor(key, shape, axes, data), stride: 1, exact: true };
}
