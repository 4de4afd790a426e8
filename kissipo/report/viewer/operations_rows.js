/**
 * Operations over rows: linear, products of matrices, embedding, softmax, norms.
 *
 * linear      y_i = b_i + sum over j of w_ij x_j
 * norms       y_i = g_i (x_i - mean) / sqrt(variance + e) + b_i
 * softmax     y_i = exp(x_i - m) / sum over j of exp(x_j - m)    m is the maximum of x
 * embedding   y_j = E[id, j]
 */

import { UnknownOperation, axisOf, biasOf, everyIndex, explained } from "./operations_call.js";
import { keyOf, moved, only, plain, range, spread, stepped } from "./operations_call.js";
import { term, total, weighted } from "./operations_call.js";

/** The rules by the names of torch. */
export const rowRules = {
  linear,
  bilinear,
  matmul: (call) => products(call, call.key(0, "input"), call.key(1, "other")),
  rmatmul: (call) => products(call, call.key(1, "other"), call.key(0, "input")),
  mm: (call) => products(call, call.key(0, "input"), call.key(1, "mat2")),
  bmm: (call) => products(call, call.key(0, "input"), call.key(1, "mat2")),
  mv: (call) => products(call, call.key(0, "input"), call.key(1, "vec")),
  dot: (call) => products(call, call.key(0, "input"), call.key(1, "other")),
  inner: (call) => innerProduct(call),
  outer,
  addmm: addedProducts,
  addmv: addedProducts,
  baddbmm: addedProducts,
  einsum,
  embedding,
  one_hot: oneHot,
  softmax,
  log_softmax: softmax,
  softmin: softmax,
  logsumexp: logSumExp,
  batch_norm: batchNorm,
  instance_norm: instanceNorm,
  layer_norm: layerNorm,
  group_norm: groupNorm,
  rms_norm: rootMeanSquare,
  normalize,
  cosine_similarity: cosine,
};

function linear(call) {
  const [x, w, b] = [call.key(0, "input"), call.key(1, "weight"), call.key(2, "bias")];
  const isRow = call.shape(w).length === 1; // a weight of one row without an axis
  const unit = isRow ? [] : call.index.slice(-1);
  const lead = isRow ? call.index : call.index.slice(0, -1);
  const terms = range(call.shape(w).at(-1)).map((j) =>
    weighted(call.read(x, [...lead, j]), call.read(w, [...unit, j])),
  );
  return explained(call.name, "b + sum of w · x", { terms, ...biasOf(call, b, unit) });
}

function bilinear(call) {
  const [one, two] = [call.key(0, "input1"), call.key(1, "input2")];
  const [w, b] = [call.key(2, "weight"), call.key(3, "bias")];
  const [lead, unit] = [call.index.slice(0, -1), call.index.at(-1)];
  const [, width, height] = call.shape(w);
  const terms = everyIndex([range(width), range(height)]).map(([i, j]) => {
    const [left, right] = [call.read(one, [...lead, i]), call.read(two, [...lead, j])];
    const weight = call.read(w, [unit, i, j]);
    const name = `${left.name} · ${right.name}`;
    const pair = { ...left, name, value: left.value * right.value };
    return weighted(pair, weight);
  });
  return explained(call.name, "b + sum of x1 · w · x2", { terms, ...biasOf(call, b, [unit]) });
}

/** The terms of a product of matrices, with vectors and broadcasting as in torch.matmul. */
function productTerms(call, one, other, index, scale = 1) {
  const [left, right] = [call.shape(one), call.shape(other)];
  const [isRow, isColumn] = [left.length === 1, right.length === 1];
  const count = index.length;
  const column = isColumn ? [] : [index[count - 1]];
  const row = isRow ? [] : [index[count - 1 - column.length]];
  const lead = index.slice(0, count - row.length - column.length);
  const [before, behind] = [spread(lead, left.slice(0, -2)), spread(lead, right.slice(0, -2))];
  return range(left.at(-1)).map((k) => {
    const value = call.read(one, [...before, ...row, k]);
    const weight = call.read(other, [...behind, k, ...column]);
    return term(value, weight.value * scale, weight.source);
  });
}

function products(call, one, other) {
  const terms = productTerms(call, one, other, call.index);
  return explained(call.name, "sum of a · b", { terms });
}

function innerProduct(call) {
  const [one, other] = [call.key(0, "input"), call.key(1, "other")];
  const cut = call.shape(one).length - 1;
  const [lead, more] = [call.index.slice(0, cut), call.index.slice(cut)];
  const terms = range(call.shape(one).at(-1)).map((k) =>
    weighted(call.read(one, [...lead, k]), call.read(other, [...more, k])),
  );
  return explained(call.name, "sum of a · b", { terms });
}

function outer(call) {
  const [one, other] = [call.key(0, "input"), call.key(1, "vec2")];
  const [row, column] = call.index;
  const terms = [weighted(call.read(one, [row]), call.read(other, [column]))];
  return explained(call.name, "a · b", { terms });
}

function addedProducts(call) {
  const [one, other] = [call.args[1], call.args[2]].map(keyOf);
  const [beta, alpha] = [call.number(3, "beta", 1), call.number(4, "alpha", 1)];
  const terms = productTerms(call, one, other, call.index, alpha);
  const own = term(call.operand(call.args[0]), beta);
  const formula = `${beta === 1 ? "" : `${plain(beta)} · `}x + sum of a · b`;
  return explained(call.name, formula, { terms: [own, ...terms] });
}

function einsum(call) {
  const equation = call.args[0].replaceAll(" ", "");
  const keys = call.args.slice(1).flat().map(keyOf);
  if (equation.includes(".")) throw new UnknownOperation(call.name, equation);
  const [left, right] = equation.split("->");
  const inputs = left.split(",");
  const output = right === undefined ? implied(left) : right;
  const sides = {};
  inputs.forEach((letters, number) =>
    [...letters].forEach((letter, axis) => (sides[letter] = call.shape(keys[number])[axis])),
  );
  const inner = [...new Set(left.replaceAll(",", ""))].filter((each) => !output.includes(each));
  const fixed = Object.fromEntries([...output].map((letter, axis) => [letter, call.index[axis]]));
  const terms = everyIndex(inner.map((letter) => range(sides[letter]))).map((places) => {
    const at = { ...fixed, ...Object.fromEntries(inner.map((each, n) => [each, places[n]])) };
    const parts = inputs.map((letters, n) =>
      call.read(keys[n], [...letters].map((each) => at[each])),
    );
    const weight = parts.slice(1).reduce((all, part) => all * part.value, 1);
    return term(parts[0], weight, parts.length === 2 ? parts[1].source : null);
  });
  return explained(call.name, `sum of products, ${equation}`, { terms });
}

function implied(left) {
  const letters = [...left.replaceAll(",", "")].sort();
  return letters.filter((each) => letters.filter((one) => one === each).length === 1).join("");
}

function embedding(call) {
  const [ids, table] = [call.key(0, "input"), call.key(1, "weight")];
  const [lead, feature] = [call.index.slice(0, -1), call.index.at(-1)];
  const id = call.at(ids, lead);
  const weight = call.read(table, [id, feature]);
  const one = { source: { tensor: ids, index: lead }, name: `id ${id}`, value: 1 };
  const formula = `feature ${feature} of the row of id ${id}`;
  return only(call, formula, weighted(one, weight));
}

function oneHot(call) {
  const part = call.read(call.key(0, "input"), call.index.slice(0, -1));
  const own = call.index.at(-1);
  const value = Number(part.value === own);
  return stepped(call, "1 for the class, else 0", [term(part)], value, `the class is ${own}`);
}

function row(call, key, axis) {
  const positions = range(call.shape(key)[axis]);
  return positions.map((at) => term(call.read(key, moved(call.index, axis, at))));
}

function softmax(call) {
  const x = call.key(0, "input");
  const dim = call.argument(1, "dim");
  if (typeof dim !== "number") throw new UnknownOperation(call.name, "no axis is given");
  const axis = axisOf(dim, call.index.length);
  const sign = call.name.includes("softmin") ? -1 : 1;
  const terms = row(call, x, axis).map((one) => term(one, sign));
  const { steps, largest, sum } = powers(terms);
  const own = terms[call.index[axis]].product - largest;
  steps.push({ name: "exp(x - maximum)", value: Math.exp(own) });
  steps.push({ name: "exp / sum", value: Math.exp(own) / sum });
  if (!call.name.includes("log")) {
    return explained(call.name, "exp(x) / sum of exp(x)", { terms, combine: "same", steps });
  }
  steps.push({ name: "logarithm", value: own - Math.log(sum) });
  return explained(call.name, "log(exp(x) / sum of exp(x))", { terms, combine: "same", steps });
}

function powers(terms) {
  const largest = terms.reduce((best, one) => Math.max(best, one.product), -Infinity);
  const sum = terms.reduce((all, one) => all + Math.exp(one.product - largest), 0);
  const steps = [
    { name: "the maximum x", value: largest },
    { name: "sum of all exp(x - maximum)", value: sum },
  ];
  return { steps, largest, sum };
}

function logSumExp(call) {
  const x = call.key(0, "input");
  const count = call.shape(x).length;
  const dims = [call.argument(1, "dim")].flat().map((dim) => axisOf(dim, count));
  const kept = call.shape().length === count;
  const sides = call.shape(x);
  let next = 0;
  const lists = sides.map((side, axis) => {
    if (dims.includes(axis)) return range(side);
    return [kept ? call.index[axis] : call.index[next++]];
  });
  const terms = everyIndex(lists).map((place) => term(call.read(x, place)));
  const { steps, largest, sum } = powers(terms);
  steps.push({ name: "maximum + log(sum)", value: largest + Math.log(sum) });
  return explained(call.name, "log(sum of exp(x))", { terms, combine: "same", steps });
}

/** The scale and the shift of a norm at an index of them. */
function affine(call, scale, shift, index) {
  return {
    scale: scale === null ? 1 : call.at(scale, index),
    shift: shift === null ? 0 : call.at(shift, index),
  };
}

function normed(call, terms, own, mean, variance, epsilon, { scale, shift }) {
  const normal = (own - mean) / Math.sqrt(variance + epsilon);
  const steps = [
    { name: "x", value: own },
    { name: "mean", value: mean },
    { name: "x - mean", value: own - mean },
    { name: "variance", value: variance },
    { name: `/ sqrt(variance + ${plain(epsilon)})`, value: normal },
    { name: `times ${plain(scale)}`, value: normal * scale },
    { name: `plus ${plain(shift)}`, value: normal * scale + shift },
  ];
  const formula = "scale · (x - mean) / sqrt(variance + e) + shift";
  const combine = terms.length > 1 ? "sum" : "same";
  return explained(call.name, formula, { terms, combine, steps });
}

/** A norm by the mean and the variance of the cells that it reads. */
function normOf(call, x, places, epsilon, scaling) {
  const terms = places.map((place) => term(call.read(x, place), 1 / places.length));
  const mean = total(terms);
  const variance = terms.reduce((sum, one) => sum + (one.value - mean) ** 2, 0) / terms.length;
  return normed(call, terms, call.at(x, call.index), mean, variance, epsilon, scaling);
}

function batchNorm(call) {
  const x = call.key(0, "input");
  const [means, variances] = [call.key(1, "running_mean"), call.key(2, "running_var")];
  const isTraining = call.argument(5, "training", false) === true || means === null;
  const epsilon = call.number(7, "eps", 1e-5);
  if (call.place[0] === "given") return runningStatistic(call, x, means, variances);
  const channel = [call.index[1]];
  const scaling = affine(call, call.key(3, "weight"), call.key(4, "bias"), channel);
  if (isTraining) return normOf(call, x, ofChannel(call.shape(x), channel[0]), epsilon, scaling);
  const own = call.read(x, call.index);
  const [mean, variance] = [call.at(means, channel), call.at(variances, channel)];
  return normed(call, [term(own)], own.value, mean, variance, epsilon, scaling);
}

function ofChannel(shape, channel) {
  return everyIndex(shape.map((side, axis) => (axis === 1 ? [channel] : range(side))));
}

/** In training, a batch norm moves its running mean and variance towards those of the batch. */
function runningStatistic(call, x, means, variances) {
  const momentum = call.number(6, "momentum", 0.1);
  const cells = ofChannel(call.shape(x), call.index[0]).map((place) => call.read(x, place));
  const mean = cells.reduce((sum, one) => sum + one.value, 0) / cells.length;
  const squares = cells.reduce((sum, one) => sum + (one.value - mean) ** 2, 0);
  const isMean = call.place[1] === 1;
  const [key, name] = isMean ? [means, "mean"] : [variances, "variance"];
  const value = isMean ? mean : squares / (cells.length - 1);
  const terms = [
    term(call.read(key, call.index), 1 - momentum),
    term({ source: null, name: `${name} of the batch`, value }, momentum),
  ];
  return explained(call.name, `running ${name}`, { terms });
}

function instanceNorm(call) {
  const x = call.key(0, "input");
  const [means, variances] = [call.key(1, "running_mean"), call.key(2, "running_var")];
  const epsilon = call.number(7, "eps", 1e-5);
  const channel = [call.index[1]];
  const scaling = affine(call, call.key(3, "weight"), call.key(4, "bias"), channel);
  if (call.argument(5, "use_input_stats", true)) {
    const lead = call.index.slice(0, 2).map((position) => [position]);
    const places = everyIndex([...lead, ...call.shape(x).slice(2).map((side) => range(side))]);
    return normOf(call, x, places, epsilon, scaling);
  }
  const own = call.read(x, call.index);
  const [mean, variance] = [call.at(means, channel), call.at(variances, channel)];
  return normed(call, [term(own)], own.value, mean, variance, epsilon, scaling);
}

function lastAxes(call, x) {
  const many = [call.argument(1, "normalized_shape")].flat().length;
  const cut = call.index.length - many;
  const lead = call.index.slice(0, cut).map((position) => [position]);
  const sides = call.shape(x).slice(cut).map((side) => range(side));
  return { places: everyIndex([...lead, ...sides]), own: call.index.slice(cut) };
}

function layerNorm(call) {
  const x = call.key(0, "input");
  const { places, own } = lastAxes(call, x);
  const scaling = affine(call, call.key(2, "weight"), call.key(3, "bias"), own);
  return normOf(call, x, places, call.number(4, "eps", 1e-5), scaling);
}

function groupNorm(call) {
  const x = call.key(0, "input");
  const [, channels, ...sides] = call.shape(x);
  const size = channels / call.argument(1, "num_groups");
  const first = Math.floor(call.index[1] / size) * size;
  const lists = [[call.index[0]], range(size, first), ...sides.map((side) => range(side))];
  const scaling = affine(call, call.key(2, "weight"), call.key(3, "bias"), [call.index[1]]);
  return normOf(call, x, everyIndex(lists), call.number(4, "eps", 1e-5), scaling);
}

function rootMeanSquare(call) {
  const x = call.key(0, "input");
  const { places, own } = lastAxes(call, x);
  const terms = places.map((place) => {
    const part = call.read(x, place);
    return term(part, part.value / places.length, part.source);
  });
  const epsilon = call.number(3, "eps", 2 ** -23);
  const { scale } = affine(call, call.key(2, "weight"), null, own);
  const value = call.at(x, call.index);
  const by = Math.sqrt(total(terms) + epsilon);
  const steps = [
    { name: "mean of squares", value: total(terms) },
    { name: `sqrt(mean + ${plain(epsilon)})`, value: by },
    { name: "x / that", value: value / by },
    { name: `times ${plain(scale)}`, value: (value / by) * scale },
  ];
  return explained(call.name, "scale · x / sqrt(mean of squares + e)", { terms, steps });
}

function normalize(call) {
  const x = call.key(0, "input");
  const p = call.number(1, "p", 2);
  const terms = row(call, x, axisOf(call.argument(2, "dim", 1), call.index.length));
  const sum = terms.reduce((all, one) => all + Math.abs(one.value) ** p, 0);
  const length = Math.max(sum ** (1 / p), call.number(3, "eps", 1e-12));
  const own = call.at(x, call.index);
  const steps = [
    { name: "length", value: length },
    { name: "x", value: own },
    { name: "x / length", value: own / length },
  ];
  return explained(call.name, "x / length of the row", { terms, combine: "same", steps });
}

function cosine(call) {
  const [one, other] = [call.key(0, "x1"), call.key(1, "x2")];
  const count = Math.max(call.shape(one).length, call.shape(other).length);
  const axis = axisOf(call.argument(2, "dim", 1), count);
  const side = Math.max(...[one, other].map((key) => call.shape(key).at(axis - count)));
  const places = range(side).map((at) => call.index.toSpliced(axis, 0, at));
  const terms = places.map((place) =>
    weighted(call.operand({ tensor: one }, place), call.operand({ tensor: other }, place)),
  );
  const epsilon = call.number(3, "eps", 1e-8);
  const length = (name) => Math.max(Math.hypot(...terms.map((each) => each[name])), epsilon);
  const steps = [
    { name: "sum of a · b", value: total(terms) },
    { name: "length of a", value: length("value") },
    { name: "length of b", value: length("weight") },
    { name: "sum / lengths", value: total(terms) / (length("value") * length("weight")) },
  ];
  return explained(call.name, "a · b / (|a| |b|)", { terms, steps });
}
