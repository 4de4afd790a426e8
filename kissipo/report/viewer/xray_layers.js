/** The layers of a trace in groups, and the names along the axes of its tensors. */

import { Tensor } from "./tensor.js";

const MANY_VALUES = 4096;
const SHORT = { "(padding)": "", "(unknown)": "?" };

/** Timestamps without the parts that all of them share at their end: no hour, no day. */
export function shortTimes(times) {
  for (const end of [":00", "T00:00", "-01", "-01"]) {
    if (!times.every((time) => time.endsWith(end))) return times;
    times = times.map((time) => time.slice(0, -end.length));
  }
  return times;
}

/**
 * Groups of the calls of one layer: [{name, kind, description, calls, same}], in the order of the
 * first calls.
 */
export function groupsOf(trace) {
  const groups = new Map();
  for (const call of trace.layers) {
    if (!call.output) continue;
    if (!groups.has(call.name)) {
      groups.set(call.name, { name: call.name, kind: call.kind, description: call.description, calls: [], same: true });
    }
    const group = groups.get(call.name);
    group.calls.push(call);
    group.same = group.same && (call.same || call.operation < 0);
  }
  return [...groups.values()];
}

/** The numbers of the groups that change their input, which the arrow keys visit. */
export function orderOf(groups) {
  const numbers = groups.map((_, number) => number);
  const changing = numbers.filter((number) => !groups[number].same);
  return changing.length ? changing : numbers;
}

/** The names along each axis: the tokens or times, the classes, the features. */
export function namesByAxis(trace) {
  const labels = { ...trace.labels };
  const given = trace.raw_inputs?.[0];
  if (!labels.time && given?.times?.length) labels.time = shortTimes(given.times);
  if (labels.time && given?.tokens?.length) {
    labels.time = labels.time.map((name, step) => given.tokens[step] ?? name);
  }
  if (labels.time) {
    labels.time = labels.time.map((name) => SHORT[name] ?? name);
    labels.query = labels.time;
    labels.key = labels.time;
  }
  return labels;
}

/** The names that fit a tensor: of its last layer the classes, of the input the features. */
export function labelsFor(trace, key, labels) {
  const about = trace.tensors[key];
  const names = { ...labels };
  delete names.class;
  const count = about.shape[about.shape.length - 1];
  const answers = labels.class ?? labels.action;
  if (trace.answers.includes(key) && answers?.length === count) {
    for (const axis of ["feature", "class", "unit"]) names[axis] = answers;
  } else if (labels.feature?.length !== count || about.origin !== "input") {
    delete names.feature;
  }
  return names;
}

/** The operation that computed a tensor: {operation, output}; null for an input or a weight. */
export function makerOf(trace, key) {
  for (const operation of trace.operations) {
    const output = operation.outputs.indexOf(key);
    if (output >= 0) return { operation, output };
  }
  return null;
}

/** Whether a tensor was computed, so that its numbers have terms. */
export function isComputed(trace, key) {
  return ["operation", "gate", "attention"].includes(trace.tensors[key]?.origin);
}

/** The name of the layer that outputs a tensor, for readers. */
export function layerOf(trace, key) {
  const layer = trace.layers.find((call) => call.output === key);
  if (layer) return /^[\d.]+$/.test(layer.name) ? `layer ${layer.name}` : layer.name;
  const about = trace.tensors[key];
  if (about?.origin === "input") return "input";
  if (about && about.origin !== "operation") return key;
  return makerOf(trace, key)?.operation.text.split("(")[0] ?? key;
}

/** The outputs of all calls of a layer below each other, as a drawing; null if they do not fit. */
export function stacked(source, group, axes) {
  if (group.calls.length < 2) return null;
  const tensors = group.calls.map((call) => source.tensor(call.output));
  if (tensors.some((tensor) => !tensor || tensor.size !== tensors[0].size)) return null;
  const { size } = tensors[0];
  if (size < 2 || size * tensors.length > MANY_VALUES) return null;
  const data = new Float32Array(size * tensors.length);
  tensors.forEach((tensor, row) => data.set(tensor.data, row * size));
  return { tensor: new Tensor("", [tensors.length, size], axes, data), stride: 1, exact: true };
}
