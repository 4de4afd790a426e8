/** Operations on single numbers: arithmetic with broadcasting, comparisons, choices. */

import { asNumber, explained, keyOf, only, plain } from "./operations_call.js";
import { stepped, term, weighted } from "./operations_call.js";
import { FUNCTIONS, sigmoid } from "./operations_functions.js";

/** The rules by the names of torch; a name that ends in _ is found without it. */
export const elementwiseRules = {
  ...unaryRules(),
  ...comparisonRules(),
  add: (call) => added(call, 1),
  radd: (call) => added(call, 1),
  sub: (call) => added(call, -1),
  subtract: (call) => added(call, -1),
  rsub: reversedDifference,
  mul: multiplied,
  multiply: multiplied,
  rmul: multiplied,
  div: (call) => divided(call, call.args[0], call.argument(1, "other")),
  divide: (call) => divided(call, call.args[0], call.argument(1, "other")),
  true_divide: (call) => divided(call, call.args[0], call.argument(1, "other")),
  truediv: (call) => divided(call, call.args[0], call.argument(1, "other")),
  rdiv: (call) => divided(call, call.args[1], call.args[0]),
  rtruediv: (call) => divided(call, call.args[1], call.args[0]),
  floordiv: (call) => pairStep(call, "floor(x / y)", (x, y) => Math.floor(x / y)),
  floor_divide: (call) => pairStep(call, "floor(x / y)", (x, y) => Math.floor(x / y)),
  remainder: (call) => pairStep(call, "x - y · floor(x / y)", (x, y) => x - y * Math.floor(x / y)),
  mod: (call) => pairStep(call, "x - y · floor(x / y)", (x, y) => x - y * Math.floor(x / y)),
  fmod: (call) => pairStep(call, "the remainder of x / y", (x, y) => x % y),
  pow: (call) => pairStep(call, "x ** y", (x, y) => x ** y, "exponent"),
  rpow: (call) => pairStep(call, "y ** x", (x, y) => y ** x),
  atan2: (call) => pairStep(call, "atan2(x, y)", Math.atan2),
  maximum: (call) => extreme(call, "max(x, y)", Math.max),
  minimum: (call) => extreme(call, "min(x, y)", Math.min),
  fmax: (call) => extreme(call, "max(x, y)", Math.max),
  fmin: (call) => extreme(call, "min(x, y)", Math.min),
  clamp: (call) => clamped(call, call.argument(1, "min"), call.argument(2, "max")),
  clip: (call) => clamped(call, call.argument(1, "min"), call.argument(2, "max")),
  clamp_min: (call) => clamped(call, call.argument(1, "min"), null),
  clamp_max: (call) => clamped(call, null, call.argument(1, "max")),
  prelu,
  glu,
  addcmul: (call) => addedPair(call, "x + y · z", (y, z) => y * z),
  addcdiv: (call) => addedPair(call, "x + y / z", (y, z) => y / z),
  lerp,
  where: chosen,
  masked_fill: (call) => filled(call),
  dropout: dropped,
  dropout1d: dropped,
  dropout2d: dropped,
  dropout3d: dropped,
  feature_dropout: dropped,
  alpha_dropout: (call) => same(call),
  to: converted,
  type: converted,
  type_as: converted,
  float: converted,
  double: converted,
  half: converted,
  bfloat16: converted,
  long: converted,
  int: converted,
  short: converted,
  char: converted,
  byte: converted,
  bool: converted,
};

function unaryRules() {
  const rules = Object.keys(FUNCTIONS).map((name) => [name, (call) => unary(call, name)]);
  const invert = (call) => {
    const isBoolean = call.dtype() === "bool";
    return stepOf(call, [0], isBoolean ? "not x" : "-x - 1", (x) => (isBoolean ? 1 - x : -x - 1));
  };
  return { ...Object.fromEntries(rules), invert, bitwise_not: invert };
}

function unary(call, name) {
  const [formula, work, options = {}] = FUNCTIONS[name];
  const given = Object.entries(options).map(([word, otherwise], number) => {
    const argument = call.argument(number + 1, word, otherwise);
    if (typeof argument === "string") return argument;
    return argument === null ? otherwise : asNumber(argument);
  });
  return stepOf(call, [0], formula, (x) => work(x, ...given));
}

/** The result is one step after the values of some arguments. */
function stepOf(call, positions, formula, work) {
  const words = ["input", "other"];
  const terms = positions.map((n) => term(call.operand(call.argument(n, words[n]))));
  const value = work(...terms.map((one) => one.value));
  return stepped(call, formula, terms, value);
}

function pairStep(call, formula, work, word = "other") {
  const terms = [term(call.operand(call.args[0])), term(call.operand(call.argument(1, word)))];
  const value = work(terms[0].value, terms[1].value);
  return stepped(call, formula, terms, value);
}

function comparisonRules() {
  const truth = {
    eq: ["x = y", (x, y) => x === y],
    ne: ["x ≠ y", (x, y) => x !== y],
    lt: ["x < y", (x, y) => x < y],
    gt: ["x > y", (x, y) => x > y],
    le: ["x ≤ y", (x, y) => x <= y],
    ge: ["x ≥ y", (x, y) => x >= y],
    logical_and: ["x and y", (x, y) => Boolean(x && y)],
    logical_or: ["x or y", (x, y) => Boolean(x || y)],
    logical_xor: ["either x or y", (x, y) => !x !== !y],
    and: ["x and y", (x, y) => x & y],
    or: ["x or y", (x, y) => x | y],
    xor: ["either x or y", (x, y) => x ^ y],
  };
  const others = { less: "lt", greater: "gt", less_equal: "le", greater_equal: "ge",
    not_equal: "ne", bitwise_and: "and", bitwise_or: "or", bitwise_xor: "xor", ror: "or" };
  const rules = Object.fromEntries(
    Object.entries(truth).map(([name, [formula, work]]) => [
      name,
      (call) => pairStep(call, formula, (x, y) => Number(work(x, y))),
    ]),
  );
  Object.entries(others).forEach(([name, other]) => (rules[name] = rules[other]));
  return rules;
}

function added(call, sign) {
  const alpha = sign * call.number(2, "alpha", 1);
  const other = term(call.operand(call.argument(1, "other")), alpha);
  const terms = [term(call.operand(call.args[0])), other];
  return explained(call.name, sign < 0 ? "x - y" : "x + y", { terms });
}

function reversedDifference(call) {
  const terms = [term(call.operand(call.args[1])), term(call.operand(call.args[0]), -1)];
  return explained(call.name, "y - x", { terms });
}

function multiplied(call) {
  const terms = [term(call.operand(call.args[0])), term(call.operand(call.argument(1, "other")))];
  return explained(call.name, "x · y", { terms, combine: "product" });
}

function divided(call, one, other) {
  const [x, y] = [call.operand(one), call.operand(other)];
  const rounding = call.words.rounding_mode || null;
  const terms = [term(x, 1 / y.value, y.source)];
  if (rounding === null) return only(call, `x / ${plain(y.value)}`, terms[0]);
  const rounded = rounding === "floor" ? Math.floor : Math.trunc;
  const value = rounded(x.value / y.value);
  return stepped(call, "x / y, rounded", terms, value, `x / y, ${rounding}`);
}

function extreme(call, formula, work) {
  const terms = [term(call.operand(call.args[0])), term(call.operand(call.argument(1, "other")))];
  const value = work(terms[0].value, terms[1].value);
  return stepped(call, formula, terms, value);
}

function clamped(call, low, high) {
  const part = call.operand(call.args[0]);
  const least = low === null ? -Infinity : call.operand(low).value;
  const most = high === null ? Infinity : call.operand(high).value;
  const value = Math.min(Math.max(part.value, least), most);
  const formula = [low === null ? "" : `at least ${plain(least)}`,
    high === null ? "" : `at most ${plain(most)}`].filter(Boolean).join(", ");
  return stepped(call, `x, ${formula}`, [term(part)], value, formula);
}

function prelu(call) {
  const part = call.operand(call.args[0]);
  const key = call.key(1, "weight");
  const many = call.shape(key)[0] > 1;
  const factor = call.read(key, call.shape(key).length ? [many ? call.index[1] : 0] : []);
  const isPositive = part.value > 0;
  const own = isPositive ? term(part) : weighted(part, factor);
  return only(call, "x if x > 0 else k · x", own);
}

function glu(call) {
  const dim = call.number(1, "dim", -1);
  const axis = dim < 0 ? dim + call.index.length : dim;
  const x = call.key(0, "input");
  const behind = call.index.slice();
  behind[axis] += call.shape()[axis];
  const gate = call.read(x, behind);
  const open = sigmoid(gate.value);
  return only(call, "x · sigmoid(y)", term(call.read(x, call.index), open, gate.source));
}

function addedPair(call, formula, work) {
  const [x, y, z] = [0, 1, 2].map((n) => call.operand(call.args[n]));
  const value = call.number(3, "value", 1);
  const pair = { ...y, value: work(y.value, z.value), name: formula.slice(4) };
  return explained(call.name, formula, { terms: [term(x), term(pair, value)] });
}

function lerp(call) {
  const [start, end] = [call.operand(call.args[0]), call.operand(call.argument(1, "end"))];
  const part = call.operand(call.argument(2, "weight"));
  const terms = [term(start, 1 - part.value), term(end, part.value, part.source)];
  return explained(call.name, "(1 - w) · x + w · y", { terms });
}

function chosen(call) {
  const isTruth = call.args.map(keyOf).map((key) => key !== null && call.dtype(key) === "bool");
  const [first, second] = isTruth[1] && !isTruth[0] ? [1, 0] : [0, 1]; // x.where(condition, y)
  const condition = call.operand(call.argument(first, "condition"));
  const isTrue = condition.value !== 0;
  const part = call.operand(isTrue ? call.argument(second, "input") : call.argument(2, "other"));
  const formula = `x where ${condition.name} is true, else y: here it is ${isTrue}`;
  return only(call, formula, term(part));
}

function filled(call) {
  const mask = call.operand(call.argument(1, "mask"));
  const isFilled = mask.value !== 0;
  const part = call.operand(isFilled ? call.argument(2, "value") : call.args[0]);
  const formula = isFilled ? `filled, as ${mask.name} is true` : "the same value: it is not masked";
  return only(call, formula, term(part));
}

/** Dropout in eval mode changes nothing; in training a value is 0 or divided by 1 - p. */
function dropped(call) {
  const part = call.operand(call.args[0]);
  const p = call.number(1, "p", 0.5);
  const isTraining = call.argument(2, "training", true) && call.operation.random;
  if (!isTraining) return same(call);
  const isKept = call.recorded !== 0;
  const formula = isKept ? `kept, and divided by ${plain(1 - p)}` : "dropped at random";
  return only(call, formula, term(part, isKept ? 1 / (1 - p) : 0));
}

function same(call) {
  return only(call, "the same value", term(call.operand(call.args[0])));
}

function converted(call) {
  const part = call.operand(call.args[0]);
  const dtype = call.dtype();
  const terms = [term(part)];
  if (dtype === "bool") {
    return stepped(call, "x as true or false", terms, Number(part.value !== 0), "x is not 0");
  }
  if (!dtype.includes("int")) return same(call);
  return stepped(call, "x as an integer", terms, Math.trunc(part.value), "without its fraction");
}
