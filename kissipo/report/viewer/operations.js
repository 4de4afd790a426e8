/**
 * The arithmetic of the lens: one number of a layer, with the terms that it was made of.
 *
 * Everything is computed in double precision from the tensors in the page, and compared with
 * what torch recorded.
 */

import { attentionRules } from "./operations_attention.js";
import { Call, UnknownOperation } from "./operations_call.js";
import { elementwiseRules } from "./operations_elementwise.js";
import { moveRules } from "./operations_moves.js";
import { recurrentRules } from "./operations_recurrent.js";
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
  return Object.assign(rule(call), { recorded });
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

