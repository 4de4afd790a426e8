/**
 * Recurrent layers: a unit at one step, with the gates as its parts.
 *
 * LSTM  i, f, o = sigmoid(x W + h U + b)      g = tanh(x W + h U + b)
 *       c' = f · c + i · g                    h' = o · tanh(c')
 * GRU   r, z = sigmoid(x W + h U + b)         n = tanh(x W + b + r · (h U + b'))
 *       h' = (1 - z) · n + z · h
 * RNN   h' = tanh(x W + h U + b), or relu
 */

import { asNumber, expandedOf, explained, keyOf, range, term, total } from "./operations_call.js";
import { stepped, weighted } from "./operations_call.js";
import { sigmoid } from "./operations_functions.js";

/** The rules by the names of torch. */
export const recurrentRules = { lstm: recurrent, gru: recurrent, rnn: recurrent };

const ORDER = { lstm: "ifgo", gru: "rzn", rnn: "h" };

function recurrent(call) {
  const layer = new Layer(call);
  const which = layer.result(call.result);
  if (which > 0) {
    const [number, row] = [call.index[0], layer.isSingle ? 0 : call.index[1]];
    return lastState(layer, layer.cell(number, row, call.index.at(-1)), which === 2);
  }
  const { row, step } = layer.position(call.index);
  const [forward, unit] = [Math.floor(call.index.at(-1) / layer.width), call.index.at(-1)];
  const number = (layer.layers - 1) * layer.directions + forward;
  const cell = { ...layer.cell(number, row, unit % layer.width), step };
  return step < layer.length(row) ? state(layer, cell) : padding(call, 0);
}

/** A step that no sequence reaches: its output is 0, and its gates have no meaning. */
function padding(call, value) {
  const formula = "this step is after the end of the sequence: it is padding";
  return stepped(call, formula, [], value, "padding");
}

/** The explanation of a cell of a gate: (time, batch, unit). */
export function explainGate(call, key, index) {
  const layer = new Layer(call);
  for (const direction of layer.expanded) {
    const name = Object.keys(direction.gates).find((gate) => direction.gates[gate] === key);
    if (name === undefined) continue;
    const number = direction.number * layer.directions + (direction.forward ? 0 : 1);
    const cell = { ...layer.cell(number, index[1], index[2]), step: index[0] };
    if (cell.step >= layer.length(cell.row)) return padding(call, call.at(key, index));
    if (name === "c") return newCell(layer, cell);
    return name === "h" ? state(layer, cell) : gate(layer, cell, name);
  }
  return null;
}

/**
 * A recurrent layer as it was called.
 *
 * A cell of it is {number, forward, gates, row, step, unit}: the gates of one layer in one
 * direction, as keys of tensors (time, batch, unit).
 */
class Layer {
  constructor(call) {
    const { options, weights } = call.operation.arguments;
    const { layer, call: times } = call.operation;
    const about = expandedOf(call, (each) => each.layer === layer && each.call === times);
    const input = call.argument(0, "input");
    this.call = call;
    this.kind = about.cell;
    this.expanded = about.unrolled;
    this.options = options;
    this.weights = weights;
    this.layers = options.num_layers;
    this.directions = options.bidirectional ? 2 : 1;
    this.width = options.proj_size || options.hidden_size;
    this.packed = Array.isArray(input) ? input.map(keyOf) : null;
    this.x = this.packed ? this.packed[0] : keyOf(input);
    this.table = call.key(3, "table");
    this.states = [call.argument(1, "hx")].flat().map(keyOf);
    this.lengths = call.argument(2, "lengths");
    this.isSingle = !this.packed && !this.table && call.shape(this.x).length === 2;
    this.steps = call.shape(this.expanded[0].gates.h)[0];
  }

  /** Which result a tensor is: the states of all steps (0), the last h (1) or the last c (2). */
  result(number) {
    if (!this.packed || number === 0) return number;
    return number + 1 - this.packed.filter((key) => key !== null).length;
  }

  /** A unit of a layer in a direction; layers and directions are counted together. */
  cell(count, row, unit) {
    const [number, backward] = [Math.floor(count / this.directions), count % this.directions];
    const { gates } = this.expanded.find(
      (each) => each.number === number && each.forward === (backward === 0),
    );
    return { number, forward: backward === 0, gates, row, unit };
  }

  /** The row of the batch and the step of an index of the output. */
  position(index) {
    if (this.isSingle) return { row: 0, step: index[0] };
    if (this.packed) return this.unpacked(index[0]);
    const [row, step] = this.options.batch_first ? index : [index[1], index[0]];
    return { row, step };
  }

  unpacked(place) {
    let [step, row] = [0, place];
    for (; row >= this.active(step); step++) row -= this.active(step);
    const [, , order] = this.packed;
    return { row: order === null ? row : this.call.at(order, [row]), step };
  }

  /** How many packed sequences have not ended at a step. */
  active(step) {
    return this.call.at(this.packed[1], [step]);
  }

  /** The row among the packed sequences, which are sorted by their lengths. */
  sorted(row) {
    const [, , , back] = this.packed;
    return back === null ? row : this.call.at(back, [row]);
  }

  /** The length of the sequence of a row. */
  length(row) {
    if (this.packed) {
      const sorted = this.sorted(row);
      const sizes = range(this.call.shape(this.packed[1])[0]);
      return sizes.filter((step) => this.active(step) > sorted).length;
    }
    if (this.lengths === null) return this.steps;
    const key = keyOf(this.lengths);
    return key === null ? asNumber(this.lengths[row]) : this.call.at(key, [row]);
  }

  /** The values that a layer reads at a step: the input, or the states of the layer below. */
  below({ number, row, step }, count) {
    if (number > 0) return range(count).map((unit) => this.lower(number - 1, row, step, unit));
    if (this.table !== null) {
      const id = this.call.at(this.x, this.options.batch_first ? [row, step] : [step, row]);
      return range(count).map((feature) => this.call.read(this.table, [id, feature]));
    }
    let lead = this.options.batch_first ? [row, step] : [step, row];
    if (this.isSingle) lead = [step];
    if (this.packed) {
      const before = range(step).reduce((sum, earlier) => sum + this.active(earlier), 0);
      lead = [before + this.sorted(row)];
    }
    return range(count).map((feature) => this.call.read(this.x, [...lead, feature]));
  }

  lower(number, row, step, unit) {
    const direction = Math.floor(unit / this.width);
    const { gates } = this.cell(number * this.directions + direction, row, unit);
    return this.call.read(gates.h, [step, row, unit % this.width]);
  }

  /** One value of the state (h or c) before a step; null where it starts with zeros. */
  before({ number, forward, gates, row, step }, unit, name = "h") {
    const earlier = forward ? step - 1 : step + 1;
    if (earlier >= 0 && earlier < this.length(row)) {
      return this.call.read(gates[name], [earlier, row, unit]);
    }
    return this.initial({ number, forward, row }, unit, name);
  }

  initial({ number, forward, row }, unit, name) {
    const key = this.states[name === "c" ? 1 : 0] ?? null;
    if (key === null) return null;
    const place = number * this.directions + (forward ? 0 : 1);
    return this.call.read(key, this.isSingle ? [place, unit] : [place, row, unit]);
  }

  /** The key of a weight of a layer in a direction; null where there is none. */
  weight(name, { number, forward }) {
    return this.weights[`${name}_l${number}${forward ? "" : "_reverse"}`] ?? null;
  }
}

/** The state after the last step of a sequence; backward, that is the first step. */
function lastState(layer, cell, isMemory) {
  const length = layer.length(cell.row);
  if (!length) {
    const part = layer.initial(cell, cell.unit, isMemory ? "c" : "h") || zero("the first state");
    return explained(layer.kind, "the first state", { terms: [term(part)], combine: "same" });
  }
  const last = { ...cell, step: cell.forward ? length - 1 : 0 };
  return isMemory ? newCell(layer, last) : state(layer, last);
}

function zero(name) {
  return { source: null, name, value: 0 };
}

/** One value of a gate tensor under its own name. */
function named(layer, cell, gate, name) {
  return { ...layer.call.read(cell.gates[gate], [cell.step, cell.row, cell.unit]), name };
}

/** A gate in double precision as a weight, with its place. */
function opened(cell, part, gate) {
  const index = [cell.step, cell.row, cell.unit];
  return { value: part, source: { tensor: cell.gates[gate], index } };
}

function state(layer, cell) {
  const ending = cell.forward ? "" : " read from the end";
  if (layer.kind === "rnn") return { ...gate(layer, cell, "h"), operation: `rnn${ending}` };
  if (layer.width !== layer.options.hidden_size) return projected(layer, cell, ending);
  const recorded = layer.call.at(cell.gates.h, [cell.step, cell.row, cell.unit]);
  if (layer.kind === "gru") return gatedState(layer, cell, ending, recorded);
  const c = newCell(layer, cell);
  const [memory, o] = [c.result, c.gates.o];
  const activated = Math.tanh(memory);
  const part = { ...named(layer, cell, "c", "tanh(c)"), value: activated };
  const steps = [
    { name: "c", value: memory },
    { name: "tanh(c)", value: activated },
    { name: "o · tanh(c)", value: o.result * activated },
  ];
  const terms = [weighted(part, opened(cell, o.result, "o"))];
  const parts = [...Object.values(c.gates), c];
  return explained(`lstm${ending}`, "h = o · tanh(c)",
    { terms, combine: "same", steps, parts, recorded });
}

function gatedState(layer, cell, ending, recorded) {
  const r = gate(layer, cell, "r");
  const z = gate(layer, cell, "z");
  const n = gate(layer, cell, "n", r.result);
  const before = layer.before(cell, cell.unit) || zero("h before");
  const terms = [
    term({ ...named(layer, cell, "n", "n"), value: n.result }, 1 - z.result,
      opened(cell, z.result, "z").source),
    weighted({ ...before, name: "h before" }, opened(cell, z.result, "z")),
  ];
  return explained(`gru${ending}`, "h = (1 - z) · n + z · h before",
    { terms, parts: [r, z, n], recorded });
}

/** The cell state c of an LSTM, with the gates that it was made by. */
function newCell(layer, cell) {
  const gates = Object.fromEntries([...ORDER.lstm].map((name) => [name, gate(layer, cell, name)]));
  const before = layer.before(cell, cell.unit, "c") || zero("c before");
  const terms = [
    weighted({ ...before, name: "c before" }, opened(cell, gates.f.result, "f")),
    weighted({ ...named(layer, cell, "g", "g"), value: gates.g.result },
      opened(cell, gates.i.result, "i")),
  ];
  const recorded = layer.call.at(cell.gates.c, [cell.step, cell.row, cell.unit]);
  const parts = [gates.i, gates.f, gates.g];
  const c = explained("state c", "c = f · c before + i · g", { terms, recorded, parts });
  return Object.defineProperty(c, "gates", { value: gates });
}

/** One gate: the sum over input and state, and its activation. */
function gate(layer, cell, name, reset = null) {
  const { call, kind, options } = layer;
  const index = ORDER[kind].indexOf(name) * options.hidden_size + cell.unit;
  const [w, u] = [layer.weight("weight_ih", cell), layer.weight("weight_hh", cell)];
  const [b, more] = [layer.weight("bias_ih", cell), layer.weight("bias_hh", cell)];
  const isNew = kind === "gru" && name === "n";
  const scale = isNew ? (reset ?? gate(layer, cell, "r").result) : 1;
  const input = layer
    .below(cell, call.shape(w)[1])
    .map((part, j) => weighted(part, call.read(w, [index, j])));
  const hidden = range(call.shape(u)[1]).flatMap((k) => {
    const part = layer.before(cell, k);
    if (part === null) return [];
    const weight = call.read(u, [index, k]);
    return [term(part, scale * weight.value, weight.source)];
  });
  const bias = b === null ? null : call.at(b, [index]) + scale * call.at(more, [index]);
  const sum = total(input) + total(hidden) + (bias ?? 0);
  const [activation, work] = activationOf(layer, name);
  const steps = [
    { name: "from the input", value: total(input) },
    { name: isNew ? "from the state, times r" : "from the state", value: total(hidden) },
    { name: "bias", value: bias ?? 0 },
    { name: "sum", value: sum },
    { name: activation, value: work(sum) },
  ];
  const inner = isNew ? "x W + b + r · (h U + b')" : "x W + h U + b";
  const biasSource = b === null ? null : { tensor: b, index: [index] };
  const recorded = call.at(cell.gates[name], [cell.step, cell.row, cell.unit]);
  const given = { terms: [...input, ...hidden], bias, biasSource, steps, recorded };
  return explained(`gate ${name}`, `${name} = ${activation}(${inner})`, given);
}

function activationOf(layer, name) {
  if ("iforz".includes(name)) return ["sigmoid", sigmoid];
  const isRelu = layer.kind === "rnn" && layer.options.nonlinearity === "relu";
  return isRelu ? ["relu", (x) => Math.max(0, x)] : ["tanh", Math.tanh];
}

/** A unit of an LSTM with a projection. */
function projected(layer, cell, ending) {
  const key = layer.weight("weight_hr", cell);
  const terms = range(layer.options.hidden_size).map((unit) => {
    const at = { ...cell, unit };
    const [o, c] = [named(layer, at, "o", "o").value, named(layer, at, "c", "o · tanh(c)")];
    const part = { ...c, value: o * Math.tanh(c.value) };
    return weighted(part, layer.call.read(key, [cell.unit, unit]));
  });
  return explained(`lstm${ending}`, "h = projection of o · tanh(c)", { terms });
}
