/** Operations over one or several axes: sums, means, extremes, orders; and values that are made. */

import { UnknownOperation, asNumber, axisOf, everyIndex, explained } from "./operations_call.js";
import { keyOf, moved, only, plain, range, stepped, term, total } from "./operations_call.js";

/** The rules by the names of torch. */
export const reductionRules = {
  sum: (call) => explained(call.name, "sum of x", { terms: cells(call) }),
  nansum: (call) => explained(call.name, "sum of x", { terms: cells(call) }),
  mean,
  prod: (call) => explained(call.name, "product of x", { terms: cells(call), combine: "product" }),
  amax: (call) => extreme(call, 1),
  amin: (call) => extreme(call, -1),
  max: (call) => extreme(call, 1),
  min: (call) => extreme(call, -1),
  argmax: (call) => extreme(call, 1),
  argmin: (call) => extreme(call, -1),
  any: (call) => truth(call, "any x is true", (values) => values.some((value) => value !== 0)),
  all: (call) => truth(call, "every x is true", (values) => values.every((value) => value !== 0)),
  count_nonzero: (call) => counted(call),
  var: spreadOf,
  std: spreadOf,
  norm,
  vector_norm: norm,
  linalg_vector_norm: norm,
  linalg_norm: norm,
  cumsum: (call) => cumulative(call, "sum of x up to here", "sum"),
  cumprod: (call) => cumulative(call, "product of x up to here", "product"),
  sort: ordered,
  argsort: ordered,
  topk: ordered,
  kthvalue: ordered,
  median: ordered,
  ...madeRules(),
};

/** The axes that a reduction removes or keeps with one position. */
function reducedAxes(call, count, position = 1) {
  const named = call.words.dim !== undefined ? call.words.dim : call.words.axis;
  const given = named !== undefined ? named : call.args[position];
  if (given === undefined || given === null || (Array.isArray(given) && !given.length)) {
    return range(count);
  }
  return [given].flat().map((dim) => axisOf(dim, count));
}

/** The positions of all cells that are reduced to one, one list per axis. */
function reducedLists(call, key, axes) {
  const shape = call.shape(key);
  const isKept = call.index.length === shape.length;
  const own = call.index.slice();
  return shape.map((side, axis) => {
    if (axes.includes(axis)) return range(side);
    return [isKept ? call.index[axis] : own.shift()];
  });
}

function cells(call, weight = 1, position = 1) {
  const key = call.key(0, "input");
  const axes = reducedAxes(call, call.shape(key).length, position);
  return everyIndex(reducedLists(call, key, axes)).map((at) => term(call.read(key, at), weight));
}

function mean(call) {
  const count = cells(call).length;
  return explained(call.name, `sum of x / ${count}`, { terms: cells(call, 1 / count) });
}

/** The largest (sign 1) or the smallest value, or its place. */
function extreme(call, sign) {
  const isPair = keyOf(call.argument(1, "other")) !== null;
  if (isPair) return extremeOfPair(call, sign);
  const terms = cells(call);
  const winner = terms.reduce((best, one) => (sign * one.value > sign * best.value ? one : best));
  const word = sign > 0 ? "maximum" : "minimum";
  const isPlace = call.name.startsWith("arg") || call.result === 1;
  if (!isPlace) {
    const steps = [{ name: `the ${word}, ${winner.name}`, value: winner.value }];
    const combine = sign > 0 ? "maximum" : "same";
    return explained(call.name, `the ${word} x`, { terms, combine, steps });
  }
  const places = terms.map((_, number) => number);
  const value = tied(call, places, (number) => terms[number].value === winner.value);
  const step = `the place of the ${word}, ${terms[value].name}`;
  return stepped(call, `the place of the ${word} x`, terms, value, step);
}

/** The first place with the right value; among equal ones the place that torch chose. */
function tied(call, places, isRight) {
  const { recorded } = call;
  return places.includes(recorded) && isRight(recorded) ? recorded : places.find(isRight);
}

function extremeOfPair(call, sign) {
  const terms = [call.args[0], call.argument(1, "other")].map((each) => term(call.operand(each)));
  const value = sign * Math.max(...terms.map((one) => sign * one.value));
  const name = sign > 0 ? "max(x, y)" : "min(x, y)";
  return stepped(call, name, terms, value);
}

function truth(call, formula, work) {
  const terms = cells(call);
  const value = Number(work(terms.map((one) => one.value)));
  return stepped(call, formula, terms, value);
}

function counted(call) {
  const terms = cells(call);
  const value = terms.filter((one) => one.value !== 0).length;
  return stepped(call, "how many x are not 0", terms, value);
}

function spreadOf(call) {
  const isFlag = typeof call.args[1] === "boolean"; // var(x, unbiased)
  const all = cells(isFlag ? Object.assign(Object.create(call), { args: [call.args[0]] }) : call);
  const flag = isFlag ? call.args[1] : (call.words.unbiased ?? call.args[2] ?? true);
  const correction = call.words.correction ?? Number(flag);
  const terms = all.map((one) => term(one, 1 / all.length));
  const center = total(terms);
  const squares = terms.reduce((sum, one) => sum + (one.value - center) ** 2, 0);
  const variance = squares / (terms.length - correction);
  const steps = [
    { name: "mean", value: center },
    { name: "sum of (x - mean)²", value: squares },
    { name: `/ ${terms.length - correction}`, value: variance },
  ];
  if (call.name === "std") steps.push({ name: "square root", value: Math.sqrt(variance) });
  return explained(call.name, "sum of (x - mean)² / n", { terms, steps });
}

function norm(call) {
  const p = call.argument(1, call.name === "norm" ? "p" : "ord", 2);
  const power = p === null || p === "fro" ? 2 : asNumber(p);
  if (power === 0) throw new UnknownOperation(call.name, "the order 0");
  const terms = cells(call, 1, 2);
  const sizes = terms.map((one) => Math.abs(one.value));
  if (Math.abs(power) === Infinity) {
    const value = power > 0 ? Math.max(...sizes) : Math.min(...sizes);
    return stepped(call, "the extreme |x|", terms, value);
  }
  const sum = sizes.reduce((all, size) => all + size ** power, 0);
  const steps = [
    { name: `sum of |x| ** ${plain(power)}`, value: sum },
    { name: "root", value: sum ** (1 / power) },
  ];
  return explained(call.name, `(sum of |x| ** ${plain(power)}) ** (1 / ${plain(power)})`,
    { terms, combine: "same", steps });
}

function cumulative(call, formula, combine) {
  const key = call.key(0, "input");
  const axis = axisOf(call.argument(1, "dim"), call.index.length);
  const terms = range(call.index[axis] + 1).map((at) =>
    term(call.read(key, moved(call.index, axis, at))),
  );
  return explained(call.name, formula, { terms, combine });
}

/** A row in its order: the value at a position, or where it comes from. */
function ordered(call) {
  const key = call.key(0, "input");
  const count = call.shape(key).length;
  const { dim, rank, descending } = orderOf(call, count);
  const axis = axisOf(dim, count);
  const isKept = call.index.length === count;
  const at = (position) => {
    return isKept ? moved(call.index, axis, position) : call.index.toSpliced(axis, 0, position);
  };
  const terms = range(call.shape(key)[axis]).map((position) => term(call.read(key, at(position))));
  const values = terms.map((one) => one.value).sort((a, b) => (descending ? b - a : a - b));
  const value = values[rank ?? call.index[axis]];
  const isPlace = call.name === "argsort" || call.result === 1;
  const places = range(terms.length);
  const place = isPlace ? tied(call, places, (each) => terms[each].value === value) : value;
  const formula = isPlace ? "where the value of this rank stands" : "the value of this rank";
  return stepped(call, formula, terms, place);
}

function orderOf(call, count) {
  if (call.name === "topk") {
    return { dim: call.argument(2, "dim", -1), descending: call.argument(3, "largest", true) };
  }
  if (call.name === "kthvalue") {
    return { dim: call.argument(2, "dim", -1), rank: call.argument(1, "k") - 1, descending: false };
  }
  if (call.name === "median") {
    const dim = call.argument(1, "dim");
    if (dim === null && count !== 1) throw new UnknownOperation(call.name, "over all axes");
    const side = call.shape(call.key(0, "input"))[axisOf(dim ?? 0, count)];
    return { dim: dim ?? 0, rank: Math.floor((side - 1) / 2), descending: false };
  }
  const isFlag = typeof call.args[1] === "boolean";
  const descending = call.words.descending ?? (isFlag ? call.args[1] : call.args[2]) ?? false;
  return { dim: isFlag ? -1 : call.argument(1, "dim", -1), descending };
}

/** Values that are made, not computed from tensors. */
function madeRules() {
  const fixed = (value) => (call) => made(call, "a constant", value);
  const read = (formula) => (call) => made(call, formula, call.recorded);
  const rules = { full: (call) => fill(call, 1), new_full: (call) => fill(call, 2) };
  const names = (words, rule) => words.forEach((word) => (rules[word] = rule));
  names(["zeros", "zeros_like", "new_zeros", "zero_"], fixed(0));
  names(["ones", "ones_like", "new_ones"], fixed(1));
  names(["full_like", "fill_"], (call) => fill(call, 1));
  names(["tensor", "as_tensor", "from_numpy", "new_tensor", "scalar_tensor", "asarray"],
    read("a constant"));
  names(["empty", "empty_like", "new_empty", "empty_strided"], read("memory without values"));
  names(["rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like",
    "normal", "normal_", "uniform_", "bernoulli", "bernoulli_", "multinomial", "random_"],
  read("drawn at random"));
  rules.arange = arange;
  rules.linspace = linspace;
  rules.eye = (call) => made(call, "1 on the diagonal", Number(call.index[0] === call.index[1]));
  return rules;
}

function made(call, formula, value) {
  return stepped(call, formula, [], value);
}

function fill(call, position) {
  const word = call.name === "fill_" ? "value" : "fill_value";
  const part = call.operand(call.argument(position, word), []);
  return only(call, "a constant", term(part));
}

function arange(call) {
  const numbers = call.args.map(asNumber);
  const { start = 0, step = 1 } = call.words;
  const [first, by] = numbers.length > 1 ? [numbers[0], numbers[2] ?? step] : [start, step];
  return made(call, `${plain(first)} + ${plain(by)} · position`, first + by * call.index[0]);
}

function linspace(call) {
  const [first, last] = [call.number(0, "start"), call.number(1, "end")];
  const steps = call.number(2, "steps");
  const value = steps > 1 ? first + ((last - first) * call.index[0]) / (steps - 1) : first;
  return made(call, "equal steps", value);
}
