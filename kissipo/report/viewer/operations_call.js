/** One call of torch, as the rules of the lens read it: arguments, numbers, and explanations. */

/** The numbers of a tensor are not in the page. */
export class MissingNumbers extends Error {
  constructor(key) {
    super(`the numbers of ${key} are not in the page`);
    this.key = key;
  }
}

/** The lens has no rule for an operation. */
export class UnknownOperation extends Error {
  constructor(name, why = "") {
    super(`the lens has no rule for ${name}${why ? `: ${why}` : ""}`);
    this.operation = name;
  }
}

/**
 * One number of one output of one operation.
 *
 * operation:  an entry of trace.operations
 * output:     which of its outputs
 * index:      the index of the number, with the batch
 */
export class Call {
  constructor(operation, output, index, source) {
    this.operation = operation;
    this.name = operation.name;
    this.index = index;
    this.source = source;
    this.output = operation.outputs[output];
    const { args, words, outputs } = operation.arguments;
    this.args = args;
    this.words = words;
    this.place = (outputs && outputs[output]) || ["result", output];
  }

  /** The nth result; 0 where an argument is overwritten. */
  get result() {
    return this.place[0] === "result" ? this.place[1] : 0;
  }

  /** An argument by its position or its word. */
  argument(position, word, otherwise = null) {
    if (word in this.words) return this.words[word];
    return position < this.args.length ? this.args[position] : otherwise;
  }

  /** A number that is an argument; `otherwise` where it is None. */
  number(position, word, otherwise = null) {
    const argument = this.argument(position, word);
    return argument === null ? otherwise : asNumber(argument);
  }

  /** The key of a tensor that is an argument, or null. */
  key(position, word) {
    return keyOf(this.argument(position, word));
  }

  /** The integers from a position on, given one by one, as a list, or by a word. */
  integers(position, word) {
    if (word in this.words) return [this.words[word]].flat();
    return this.args.slice(position).flat();
  }

  /** The shape of a tensor, or of the output. */
  shape(key = this.output) {
    const about = this.source.about(key);
    if (!about) throw new MissingNumbers(key);
    return about.shape;
  }

  /** The dtype of a tensor, or of the output. */
  dtype(key = this.output) {
    return this.source.about(key).dtype;
  }

  /** One number of a tensor. */
  at(key, index) {
    const tensor = this.source.tensor(key);
    const value = tensor === null ? undefined : tensor.at(index);
    if (value === undefined) throw new MissingNumbers(key);
    return value;
  }

  /** What torch computed. */
  get recorded() {
    return this.at(this.output, this.index);
  }

  /** One number as a part of a term: where it stands, and its value. */
  read(key, index) {
    return { source: { tensor: key, index }, name: nameOf(key, index), value: this.at(key, index) };
  }

  /** An argument (a tensor or a number) at the index of the output, with broadcasting. */
  operand(argument, index = this.index) {
    const key = keyOf(argument);
    if (key !== null) return this.read(key, spread(index, this.shape(key)));
    const value = asNumber(argument);
    return { source: null, name: plain(value), value };
  }
}

/** The key of an argument that is a tensor, or null. */
export function keyOf(argument) {
  return argument && typeof argument === "object" && "tensor" in argument ? argument.tensor : null;
}

/** The number of an argument in JSON, where infinity and NaN are texts. */
export function asNumber(argument) {
  if (typeof argument === "boolean") return argument ? 1 : 0;
  if (typeof argument === "number") return argument;
  const text = argument && argument.text;
  const special = { inf: Infinity, "-inf": -Infinity, nan: NaN };
  if (text in special) return special[text];
  throw new UnknownOperation("an argument", text || JSON.stringify(argument));
}

/** A cell as text, such as `t3[0, 2]`. */
export function nameOf(key, index) {
  return `${key}[${index.join(", ")}]`;
}

/** A number in a formula. */
export function plain(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** The index into a tensor that is broadcast to the shape of an output. */
export function spread(index, shape) {
  const skip = index.length - shape.length;
  return shape.map((side, axis) => (side === 1 ? 0 : index[axis + skip]));
}

/** An axis counted from the front. */
export function axisOf(dim, count) {
  return dim < 0 ? dim + count : dim;
}

/** The index with another position along one axis. */
export function moved(index, axis, position) {
  const other = index.slice();
  other[axis] = position;
  return other;
}

/** Every index of a shape; the last axis changes fastest. */
export function everyIndex(lists) {
  let all = [[]];
  for (const positions of lists) {
    all = all.flatMap((lead) => positions.map((position) => [...lead, position]));
  }
  return all;
}

/** The integers from 0 to n - 1. */
export function range(count, first = 0) {
  return Array.from({ length: Math.max(0, count) }, (_, number) => first + number);
}

/** A list with one entry per axis, from one number for all axes or a list. */
export function perAxis(option, axes) {
  return Array.isArray(option) && option.length > 1 ? option : Array(axes).fill([option].flat()[0]);
}

/** A term: a value times a weight. */
export function term(part, weight = 1, weightSource = null) {
  return { ...part, weight, weightSource, product: part.value * weight };
}

/** A term of a value and a weight that both stand in a tensor. */
export function weighted(part, weight) {
  return term(part, weight.value, weight.source);
}

/**
 * An explanation: terms, how they become one number, and the steps after them.
 *
 * combine:  sum, maximum, product, or same (the result is the last step, or the only term)
 */
export function explained(operation, formula, given) {
  const { terms = [], combine = "sum", bias = null, biasSource = null, steps = [] } = given;
  const { parts = [] } = given;
  const whole = { operation, formula, terms, combine, bias, biasSource, steps };
  const end = steps.length ? steps[steps.length - 1].value : combined(terms, combine, bias);
  const result = given.result ?? end;
  const recorded = given.recorded ?? null;
  const largest = Math.max(largestOf({ ...whole, result }), ...parts.map((part) => part.largest));
  return { ...whole, result, recorded, parts, largest };
}

/** An explanation whose result is one step after the terms. */
export function stepped(call, formula, terms, value, name = formula) {
  return explained(call.name, formula, { terms, combine: "same", steps: [{ name, value }] });
}

/** An explanation of a number that is one term: an input, perhaps times a weight. */
export function only(call, formula, part) {
  return explained(call.name, formula, { terms: [part], combine: "same" });
}

/** One bias as the fields of an explanation. */
export function biasOf(call, key, index) {
  if (key === null) return {};
  return { bias: call.at(key, index), biasSource: { tensor: key, index } };
}

/** The sum of the products of terms. */
export function total(terms) {
  return terms.reduce((sum, one) => sum + one.product, 0);
}

function combined(terms, combine, bias) {
  const products = terms.map((one) => one.product);
  if (combine === "maximum") return products.reduce((a, b) => Math.max(a, b), -Infinity);
  if (combine === "product") return products.reduce((a, b) => a * b, 1);
  if (combine === "same" && products.length) return products[0];
  return total(terms) + (bias || 0);
}

/** The largest absolute value of a computation: its rounding error is relative to it. */
function largestOf({ terms, combine, bias, steps, result }) {
  let running = 0;
  let largest = 0;
  const grow = (value) => {
    if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  };
  for (const one of terms) {
    running += one.product;
    grow(one.product);
    if (combine === "sum") grow(running);
  }
  [bias || 0, result, ...steps.map((step) => step.value)].forEach(grow);
  return largest;
}

/** An explanation whose parts are computed when they are first read. */
export function withParts(explanation, make) {
  let parts = null;
  const get = () => (parts ??= make());
  return Object.defineProperty(explanation, "parts", { get, enumerable: true });
}

/** The gates or the attention of an operation that torch runs as one, or the reason why not. */
export function expandedOf(call, isOwn) {
  const found = call.source.content.trace.expanded.find(isOwn);
  if (!found || found.opaque) throw new UnknownOperation(call.name, found ? found.opaque : "");
  return found;
}
