/**
 * Attention: a mixed value, or a value of the output, with heads and keys as its parts.
 *
 * y = b + sum over heads and features of W · mixed    mixed = sum over keys of weight · v
 * weight = exp(score - maximum) / sum of all          score = q · k / sqrt(d) + mask
 */

import { biasOf, expandedOf, explained, only } from "./operations_call.js";
import { range, spread, term, total, weighted, withParts } from "./operations_call.js";

/** The rules by the names of torch. */
export const attentionRules = {
  multiheadattention: layerOutput,
  scaled_dot_product_attention: plainAttention,
};

/** The explanation of a cell of the scores, weights or mixed values of an attention. */
export function explainAttention(call, key, index) {
  const attention = call.name === "multiheadattention" ? new Heads(call) : new Plain(call);
  const name = Object.keys(attention.keys).find((each) => attention.keys[each] === key);
  const [row, head, query, last] = index;
  if (name === "mixed") return mixed(attention, row, head, query, last);
  const weight = keyWeight(attention, row, head, query, last);
  return name === "weights" ? weight : scoreOf(attention, weight, index);
}

/** A value that is added to a score: a mask hides with minus infinity. */
function added(call, key, index, hides) {
  const value = call.at(key, spread(index, call.shape(key)));
  if (call.dtype(key) !== "bool") return value;
  return Boolean(value) === hides ? -Infinity : 0;
}

/** torch's function: q, k and v stand in the page. */
class Plain {
  constructor(call) {
    const number = call.operation.number;
    const about = call.source.content.trace.expanded.find((each) => each.operation === number);
    this.call = call;
    this.keys = (about && about.attention) || {};
    const inputs = ["query", "key", "value"].map((word, n) => call.key(n, word));
    [this.query, this.key, this.value] = inputs;
    this.shape = call.shape(this.query);
    const size = this.shape.at(-1);
    this.scale = call.number(6, "scale", 1 / Math.sqrt(size));
    this.size = size;
    this.count = call.shape(this.key).at(-2);
    this.isCausal = call.argument(5, "is_causal", false);
    this.scoresOf = new Map();
  }

  /** The leading index of the arguments for a row of the flattened batch and a head. */
  lead(row, head) {
    const sides = this.shape.slice(0, -2);
    const heads = sides.at(-1) ?? 1;
    let rest = this.shape.length > 3 ? row * heads + head : head;
    return sides.map((_, axis) => {
      const inner = sides.slice(axis + 1).reduce((a, b) => a * b, 1);
      const at = Math.floor(rest / inner);
      rest %= inner;
      return at;
    });
  }

  shared(key, lead) {
    const sides = this.call.shape(key).slice(0, -2);
    if (!this.call.argument(7, "enable_gqa", false)) return spread(lead, sides);
    const times = this.shape.at(-3) / sides.at(-1);
    return [...lead.slice(0, -1), Math.floor(lead.at(-1) / times)];
  }

  q(row, head, query) {
    const lead = this.lead(row, head);
    return range(this.size).map((d) => this.call.read(this.query, [...lead, query, d]));
  }

  k(row, head, at) {
    const lead = this.shared(this.key, this.lead(row, head));
    return range(this.size).map((d) => this.call.read(this.key, [...lead, at, d]));
  }

  v(row, head, at, feature) {
    const lead = this.shared(this.value, this.lead(row, head));
    return this.call.read(this.value, [...lead, at, feature]);
  }

  mask(row, head, query, at) {
    if (this.isCausal && at > query) return -Infinity;
    const key = this.call.key(3, "attn_mask");
    return key === null ? 0 : added(this.call, key, [...this.lead(row, head), query, at], false);
  }

  scores(row, head, query) {
    return this.softened(row, head, query).scores;
  }

  softened(row, head, query) {
    const place = [row, head, query].join();
    if (!this.scoresOf.has(place)) {
      const q = this.q(row, head, query);
      const scores = range(this.count).map((at) => {
        const k = this.k(row, head, at);
        const product = q.reduce((sum, part, d) => sum + part.value * k[d].value, 0);
        return product * this.scale + this.mask(row, head, query, at);
      });
      this.scoresOf.set(place, { scores, ...softmax(scores) });
    }
    return this.scoresOf.get(place);
  }

  weight(row, head, query, at) {
    const { shares } = this.softened(row, head, query);
    const source = this.keys.weights
      ? { tensor: this.keys.weights, index: [row, head, query, at] }
      : null;
    return { source, value: shares[at] };
  }

  recorded(name, index) {
    return this.keys[name] ? this.call.at(this.keys[name], index) : null;
  }
}

/** A layer of torch: scores, weights and mixed values were computed from the recording. */
class Heads {
  constructor(call) {
    const { options, weights } = call.operation.arguments;
    const { layer, call: times } = call.operation;
    const isOwn = (each) =>
      each.layer === layer && each.call === times && each.operation === undefined;
    this.call = call;
    this.keys = expandedOf(call, isOwn).attention;
    this.weights = weights;
    this.options = options;
    this.inputs = ["query", "key", "value"].map((word, n) => call.key(n, word));
    this.isSingle = call.shape(this.inputs[0]).length === 2;
    [, this.heads, , this.size] = call.shape(this.keys.mixed);
    this.count = call.shape(this.keys.weights).at(-1);
    this.width = call.shape(weights["out_proj.weight"])[1] / this.heads;
    this.scale = 1 / Math.sqrt(this.width);
  }

  /** The row of the batch and the position in time of an index of an input or the output. */
  position(index) {
    if (this.isSingle) return [0, index[0]];
    return this.options.batch_first ? [index[0], index[1]] : [index[1], index[0]];
  }

  /** One value of the query, key or value of a head: x W + b. */
  projected(which, row, head, at, feature) {
    const x = this.inputs[which];
    const letter = "qkv"[which];
    const more = at - this.call.shape(x).at(this.isSingle || !this.options.batch_first ? 0 : 1);
    const column = head * this.width + feature;
    const name = `${letter}[${head}, ${at}, ${feature}]`;
    if (which > 0 && more >= 0) return this.extra(letter, more, column, name);
    const own = this.weights[`${letter}_proj_weight`];
    const start = which * this.heads * this.width;
    const [w, first] = own ? [own, 0] : [this.weights.in_proj_weight, start];
    const lead = this.isSingle ? [at] : this.options.batch_first ? [row, at] : [at, row];
    const bias = this.weights.in_proj_bias;
    let value = bias ? this.call.at(bias, [start + column]) : 0;
    for (let j = 0; j < this.call.shape(w)[1]; j++) {
      value += this.call.at(x, [...lead, j]) * this.call.at(w, [first + column, j]);
    }
    return { source: null, name, value };
  }

  /** Keys and values that the layer adds: a learned one, then one of zeros. */
  extra(letter, more, column, name) {
    const key = this.weights[`bias_${letter}`];
    if (key && more === 0) return { ...this.call.read(key, [0, 0, column]), name };
    return { source: null, name, value: 0 };
  }

  q(row, head, query) {
    return range(this.width).map((d) => this.projected(0, row, head, query, d));
  }

  k(row, head, at) {
    return range(this.width).map((d) => this.projected(1, row, head, at, d));
  }

  v(row, head, at, feature) {
    return this.projected(2, row, head, at, feature);
  }

  mask(row, head, query, at) {
    const { call } = this;
    const [padding, mask] = [call.key(3, "key_padding_mask"), call.key(5, "attn_mask")];
    const isQuick = call.argument(7, "is_causal", false) && mask !== null && padding === null;
    if (isQuick && !call.argument(4, "need_weights", true)) return at > query ? -Infinity : 0;
    let sum = 0;
    if (mask !== null && at < call.shape(mask).at(-1)) {
      const lead = call.shape(mask).length === 3 ? [row * this.heads + head] : [];
      sum += added(call, mask, [...lead, query, at], true);
    }
    if (padding !== null && at < call.shape(padding).at(-1)) {
      const lead = call.shape(padding).length === 2 ? [row] : [];
      sum += added(call, padding, [...lead, at], true);
    }
    return sum;
  }

  scores(row, head, query) {
    return range(this.count).map((at) => this.call.at(this.keys.scores, [row, head, query, at]));
  }

  weight(row, head, query, at) {
    return this.call.read(this.keys.weights, [row, head, query, at]);
  }

  recorded(name, index) {
    return this.call.at(this.keys[name], index);
  }
}

function softmax(scores) {
  const maximum = Math.max(...scores);
  const powers = scores.map((score) => (score === -Infinity ? 0 : Math.exp(score - maximum)));
  const sum = powers.reduce((a, b) => a + b, 0);
  return { powers, shares: powers.map((power) => (sum ? power / sum : 0)) };
}

/** The weight of one key: the score, and its share of all. */
function keyWeight(attention, row, head, query, at) {
  const [q, k] = [attention.q(row, head, query), attention.k(row, head, at)];
  const terms = q.map((part, d) => term(part, attention.scale * k[d].value, k[d].source));
  const mask = attention.mask(row, head, query, at);
  const recorded = attention.recorded("weights", [row, head, query, at]);
  const scores = attention.scores(row, head, query).with(at, total(terms) + mask);
  const { powers, shares } = softmax(scores);
  const steps = [
    { name: "q · k / sqrt(d)", value: total(terms) },
    { name: "mask", value: mask },
    { name: "exp(score - maximum)", value: powers[at] },
    { name: "exp / sum", value: shares[at] },
  ];
  const formula = mask === -Infinity ? "masked" : "exp(score - maximum) / sum of all";
  return explained(`key ${at}`, formula, { terms, steps, recorded });
}

function scoreOf(attention, weight, index) {
  const [product, mask] = weight.steps;
  const steps = [product, mask, { name: "score", value: product.value + mask.value }];
  const recorded = attention.recorded("scores", index);
  return explained("score", "q · k / sqrt(d) + mask", { terms: weight.terms, steps, recorded });
}

/** One mixed value: the values of all keys, each times its weight. */
function mixed(attention, row, head, query, feature) {
  const terms = range(attention.count).map((at) =>
    weighted(attention.v(row, head, at, feature), attention.weight(row, head, query, at)),
  );
  const recorded = attention.recorded("mixed", [row, head, query, feature]);
  return explained(`mixed ${feature}`, "sum over the keys of weight · v", { terms, recorded });
}

function keyWeights(attention, row, head, query) {
  return range(attention.count).map((at) => keyWeight(attention, row, head, query, at));
}

function plainAttention(call) {
  const attention = new Plain(call);
  const [lead, [query, feature]] = [call.index.slice(0, -2), call.index.slice(-2)];
  const sides = attention.shape.slice(0, -2);
  const flat = lead.reduce((sum, at, axis) => sum * sides[axis] + at, 0);
  const heads = sides.at(-1) ?? 1;
  const [row, head] = lead.length > 1 ? [Math.floor(flat / heads), flat % heads] : [0, flat];
  const explanation = mixed(attention, row, head, query, feature);
  const whole = { ...explanation, operation: call.name };
  return withParts(whole, () => keyWeights(attention, row, head, query));
}

function layerOutput(call) {
  const attention = new Heads(call);
  if (call.result === 1) return averaged(call, attention);
  const [row, query] = attention.position(call.index);
  const feature = call.index.at(-1);
  const w = attention.weights["out_proj.weight"];
  const b = attention.weights["out_proj.bias"] ?? null;
  const heads = range(attention.heads).map((head) => {
    const terms = range(attention.width).map((own) =>
      weighted(
        call.read(attention.keys.mixed, [row, head, query, own]),
        call.read(w, [feature, head * attention.width + own]),
      ),
    );
    const part = explained(`head ${head}`, "part of this head: sum of w · mixed", { terms });
    return withParts(part, () => [
      ...keyWeights(attention, row, head, query),
      ...range(attention.width).map((own) => mixed(attention, row, head, query, own)),
    ]);
  });
  const terms = heads.flatMap((head) => head.terms);
  return explained("attention", "b + sum over the heads of w · mixed",
    { terms, parts: heads, ...biasOf(call, b, [feature]) });
}

/** The weights that the layer returns: of every head, or their mean over the heads. */
function averaged(call, attention) {
  const isMean = call.argument(6, "average_attn_weights", true);
  const index = attention.isSingle ? [0, ...call.index] : call.index;
  if (!isMean) {
    return only(call, "the weight of this key", term(call.read(attention.keys.weights, index)));
  }
  const [row, query, at] = index;
  const terms = range(attention.heads).map((head) =>
    term(call.read(attention.keys.weights, [row, head, query, at]), 1 / attention.heads),
  );
  return explained("attention", "the mean over the heads", { terms });
}
