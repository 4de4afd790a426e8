/** Attention: for each head the weights of every key for every query. */

import { html, useMemo, useState } from "./vendor/preact.js";
import { HeatMap } from "./heat_map.js";
import { maskedScale, shareScale } from "./colors.js";
import { Lens, useBreakdown } from "./lens.js";
import { Tensor } from "./tensor.js";
import { stacked } from "./xray_layers.js";

/** One panel per attention. */
export function AttentionPanels({ source, trace, labels, groups, state, change }) {
  const written = useMemo(() => groups.map((group) => headsByStep(source, trace, group, labels)).filter(Boolean), [source, groups]);
  const names = new Set(written.map(({ name }) => name));
  const layers = trace.expanded.filter((item) => item.attention && !names.has(item.layer));
  const steps = useMemo(() => attentionByStep(source, trace, groups, labels), [source, groups]);
  if (!layers.length && !steps && !written.length) return null;
  const shared = { source, trace, state, change };
  return html`<section aria-label="Attention"><h2>Attention</h2>
    <p class="dim">A row is a query: its weights over the keys sum to 1.</p>
    ${steps && html`<h3>${steps.name}</h3><${HeatMap} drawing=${steps.drawing} name="attention of every step" labels=${steps.labels} scale=${shareScale()} />`}
    ${layers.map((item) => html`<${Heads} ...${shared} labels=${labels} item=${item} />`)}
    ${written.map((item) => html`<${HeadMaps} ...${shared} ...${item} />`)}</section>`;
}

/** The weights of additive attention: a row for each written token, a column for each read one. */
function attentionByStep(source, trace, groups, labels) {
  const group = groups.find(({ name, calls }) => /attention.*softmax$/.test(name) && calls.length > 1
    && trace.tensors[calls[0].output]?.shape.length === 3);
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

/**
 * The heads of an attention that is called once for each written token, as one map per head.
 *
 * Its keys are the tokens of the source, whose number is the same in every call, or the tokens
 * that were written before; a token that is still to come has no weight.
 */
function headsByStep(source, trace, { name, calls }, labels) {
  const tensors = calls.map(({ output }) => (trace.tensors[output]?.shape.length === 4 ? source.tensor(output) : null));
  if (!/softmax$/.test(name) || calls.length < 2 || tensors.some((tensor) => tensor?.shape[2] !== 1)) return null;
  const heads = tensors[0].shape[1];
  const keys = Math.max(...tensors.map(({ shape }) => shape[3]));
  const data = new Float32Array(heads * calls.length * keys).fill(NaN);
  tensors.forEach((tensor, row) => {
    const own = tensor.shape[3];
    for (let head = 0; head < heads; head++) {
      const values = tensor.data.subarray(head * own, (head + 1) * own);
      data.set(values, (head * calls.length + row) * keys);
    }
  });
  const query = trace.labels.query ?? [];
  const before = ["(start)", ...query];
  const readsSource = tensors.every(({ shape }) => shape[3] === keys);
  const names = readsSource ? { query, key: labels.time ?? [] } : { query: before, key: before };
  const tensor = new Tensor("", [heads, calls.length, keys], ["head", "query", "key"], data);
  const cellOf = (head, row, key) => (key < tensors[row].shape[3] ? [calls[row].output, [0, head, 0, key]] : null);
  return { name, tensor, names, cellOf, explained: calls.map(({ output }) => output) };
}

/** The heads of one call of an attention. */
function Heads({ source, trace, labels, item, state, change }) {
  const key = item.attention.weights;
  const [, heads, queries, keys] = trace.tensors[key].shape;
  const tensor = useMemo(() => {
    const whole = source.tensor(key);
    if (!whole) return null;
    const data = Float32Array.from(whole.data.subarray(0, heads * queries * keys));
    const scores = source.tensor(item.attention.scores);
    scores?.data.subarray(0, data.length).forEach((score, place) => {
      if (score === -Infinity) data[place] = NaN; // hidden by the mask
    });
    return new Tensor(key, [heads, queries, keys], ["head", "query", "key"], data);
  }, [source, key]);
  const names = {};
  const time = labels.time ?? [];
  if (time.length === queries || (queries === keys && time.length > keys)) names.query = time;
  if (time.length === keys || (queries === keys && time.length > keys)) names.key = time;
  const name = `${item.layer}${item.call ? `, call ${item.call + 1}` : ""}`;
  const cellOf = (...index) => [key, [0, ...index]];
  return html`<${HeadMaps} source=${source} trace=${trace} state=${state} change=${change} name=${name}
    tensor=${tensor} names=${names} cellOf=${cellOf} explained=${Object.values(item.attention)} />`;
}

/** The map of one head, or of all, with a lens on the open cell. */
function HeadMaps({ source, trace, state, change, name, tensor, names, cellOf, explained }) {
  const [head, setHead] = useState(0);
  const [all, setAll] = useState(false);
  const heads = tensor?.shape[0] ?? 1;
  const drawing = useMemo(() => tensor && headOf(tensor, all ? -1 : head), [tensor, head, all]);
  const { cell, breakdown } = useBreakdown(source, state, explained);
  const open = (key, index) => change({ cell: `${key}:${index.join(",")}` });
  const isMasked = useMemo(() => Boolean(drawing?.tensor.data.some(Number.isNaN)), [drawing]);
  const openCell = (index) => {
    const place = all ? cellOf(...index) : cellOf(head, ...index);
    if (place) open(...place);
  };
  return html`<div><h3>${name}</h3>
    ${heads > 1 && html`<p><label>head <input type="range" min="0" max=${heads - 1} value=${head}
      onInput=${(event) => { setHead(Number(event.target.value)); setAll(false); }} /></label> ${all ? "all" : `${head + 1} of ${heads}`}
      <button type="button" aria-pressed=${all} onClick=${() => setAll(!all)}>all heads</button></p>`}
    ${drawing
      ? html`<${HeatMap} key=${all} drawing=${drawing} name=${`attention of ${name}`} labels=${names} scale=${isMasked ? maskedScale() : shareScale()}
          onOpen=${openCell} />`
      : html`<p class="dim">Only its statistics fit into this page.</p>`}
    ${cell && html`<${Lens} source=${source} trace=${trace} cell=${cell} breakdown=${breakdown} open=${open} />`}</div>`;
}

/** One head (query, key), or all of them. */
function headOf(tensor, head) {
  if (head < 0) return { tensor, stride: 1, exact: true };
  const [, queries, keys] = tensor.shape;
  const data = tensor.data.subarray(head * queries * keys, (head + 1) * queries * keys);
  return { tensor: new Tensor(tensor.key, [queries, keys], ["query", "key"], data), stride: 1, exact: true };
}
