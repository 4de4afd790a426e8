/**
 * The arithmetic of the lens: one number of a layer, with the terms that it was made of.
 *
 * Everything is computed in double precision from the tensors in the page, and compared with
 * what torch recorded.
 */

import { attentionRules, explainAttention } from "./operations_attention.js";
import { Call, UnknownOperation, stepped } from "./operations_call.js";
import { elementwiseRules } from "./operations_elementwise.js";
import { moveRules } from "./operations_moves.js";
import { explainGate, recurrentRules } from "./operations_recurrent.js";
import { reductionRules } from "./operations_reductions.js";
import { rowRules } from "./operations_rows.js";
import { windowRules } from "./operations_windows.js";

const RULES = {
  ...elementwiseRules,
  ...moveRules,
  ...reductionRules,
  ...rowRules,
  ...windowRules,
  ...recurrentRules,
  ...attentionRules,
};
const WHOLE = ["lstm", "gru", "rnn", "multiheadattention"];
const ALLOWED = 1e-5;

/**
 * Explains one number.
 *
 * operation:  an entry of trace.operations
 * output:     which of operation.outputs, usually 0
 * index:      the index of the number, with the batch
 * Returns {operation, formula, terms, combine, bias, biasSource, steps, result, recorded, parts,
 * largest}; a term is {source, name, value, weight, weightSource, product}.
 * Throws MissingNumbers where the numbers of an argument are not in the page, UnknownOperation
 * where there is no rule.
 */
export function explain(operation, output, index, source) {
  const rule = ruleOf(operation.name);
  if (!rule) throw new UnknownOperation(operation.name);
  const call = new Call(operation, output, index, source);
  const recorded = call.recorded;
  const explanation = isShared(call) ? shared(call, recorded) : rule(call);
  return Object.assign(explanation, { recorded });
}

/** Whether the output is another argument that shares the memory of the one that is overwritten. */
function isShared({ name, place }) {
  return place[0] === "given" && place[1] > 0 && (name.endsWith("_") || name === "setitem");
}

function shared(call, value) {
  const formula = "it shares its memory with the tensor that is overwritten";
  return stepped(call, formula, [], value, "after that");
}

/**
 * Explains one number of any tensor that an operation made: its output, or a gate, score, weight
 * or mixed value inside it. Returns null for a tensor that nothing made, such as an input.
 */
export function explainTensor(key, index, source) {
  const { operations, expanded } = source.content.trace;
  const maker = operations.find(({ outputs }) => outputs.includes(key));
  if (maker) return explain(maker, maker.outputs.indexOf(key), index, source);
  const about = expanded.find((each) => keysIn(each).includes(key));
  if (!about) return null;
  const isOwn = ({ number, layer, call, name }) =>
    about.operation === undefined
      ? layer === about.layer && call === about.call && WHOLE.includes(name)
      : number === about.operation;
  const call = new Call(operations.find(isOwn), 0, index, source);
  const made = about.attention ? explainAttention : explainGate;
  return Object.assign(made(call, key, index), { recorded: call.at(key, index) });
}

function keysIn({ unrolled = [], attention = {} }) {
  return [...unrolled.flatMap(({ gates }) => Object.values(gates)), ...Object.values(attention)];
}

/** Whether the lens has a rule for an operation of this name. */
export function canExplain(name) {
  return Boolean(ruleOf(name));
}

/** Whether a result is what torch recorded, up to 1e-5 of the largest number of the computation. */
export function agrees({ result, recorded, largest }) {
  return Object.is(result, recorded) || Math.abs(recorded - result) <= ALLOWED * largest;
}

/** The rule of a name; `add_` and `iadd` are `add` that overwrites its argument. */
function ruleOf(name) {
  const names = [name, name.replace(/_$/, ""), name.replace(/^i/, "")];
  return names.map((each) => (Object.hasOwn(RULES, each) ? RULES[each] : null)).find(Boolean);
}

