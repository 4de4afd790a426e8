/** Steps in their order, with their values: bars of a few numbers, a map of many. */

import { html } from "./vendor/preact.js";
import { Bars } from "./bars.js";
import { HeatMap } from "./heat_map.js";
import { numberText, percentText, visible } from "./text.js";
import { shareScale } from "./colors.js";

const MANY = 12;

/** The steps of a stage. */
export function Steps({ source, trace, steps, labels }) {
  return html`<ol class="steps">${steps.map((step) => html`<li><b>${step.name}</b> ${step.description} <${StepValue}
    source=${source} trace=${trace} step=${step} labels=${labels} /></li>`)}</ol>`;
}

function StepValue({ source, trace, step, labels }) {
  const tensor = step.tensor ? source.tensor(step.tensor) : null;
  const isRow = tensor && tensor.shape.filter((side) => side > 1).length === 1;
  if (isRow && tensor.size <= MANY) {
    const names = step.names?.length ? step.names : namesOf(trace, tensor.size, labels);
    const probable = step.name.startsWith("probab");
    const values = Array.from(tensor.data);
    return html`<${Bars} values=${values} names=${names} marked=${values.indexOf(Math.max(...values))}
      text=${probable ? percentText : numberText} size=${probable ? (share) => share : undefined} />`;
  }
  if (step.tensor && source.drawing(step.tensor) && step.shape.length > 0) {
    const drawing = source.drawing(step.tensor);
    return drawing.tensor.size > 1 && html`<${HeatMap} drawing=${drawing} name=${step.name} tall=${120}
      scale=${step.name.startsWith("probab") ? shareScale() : undefined} />`;
  }
  if (typeof step.value === "string" || typeof step.value === "number") {
    return html` → <b>${visible(typeof step.value === "number" ? numberText(step.value) : step.value)}</b>`;
  }
  return null;
}

function namesOf(trace, count, labels) {
  const answers = labels.class ?? labels.action ?? labels.document;
  if (answers?.length === count) return answers;
  if (labels.class?.length === 1 && count === 2) return [`not ${labels.class[0]}`, labels.class[0]];
  return Array.from({ length: count }, (_, number) => String(number));
}
