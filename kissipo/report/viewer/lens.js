/** The lens: one number with the terms it was made of, their sum, and the value of PyTorch. */

import { html, useMemo, useState } from "./vendor/preact.js";
import { agrees, explainTensor } from "./operations.js";
import { MissingNumbers, UnknownOperation } from "./operations_call.js";
import { isComputed, layerOf, ngramsOf } from "./xray_layers.js";
import { integerText, numberText } from "./text.js";

const FIRST = 12;

/**
 * The arithmetic of a cell: {explanation} or {missing} with the reason.
 *
 * cell:  {key, index} with the batch
 */
export function explained(source, cell) {
  try {
    const explanation = explainTensor(cell.key, cell.index, source);
    return explanation ? { explanation } : { missing: "It is an input: the net did not compute it." };
  } catch (error) {
    if (error instanceof MissingNumbers) {
      return { missing: "Its weights are too large for this page.", command: true };
    }
    if (error instanceof UnknownOperation) {
      return { missing: `This page cannot explain it: ${error.message}.` };
    }
    console.error(error);
    return { missing: "This page could not calculate it.", command: true };
  }
}

/** The cell of the address: {key, index}; null where none is open. */
export function cellOf(text) {
  if (!text) return null;
  const split = text.lastIndexOf(":");
  const index = text.slice(split + 1);
  return { key: text.slice(0, split), index: index === "" ? [] : index.split(",").map(Number) };
}

/** The open cell and its arithmetic, if it is one of these tensors. */
export function useBreakdown(source, state, keys) {
  const cell = useMemo(() => cellOf(state.cell), [state.cell]);
  const isHere = cell !== null && keys.includes(cell.key);
  const breakdown = useMemo(() => (isHere ? explained(source, cell) : null), [source, cell, isHere]);
  return { cell: isHere ? cell : null, breakdown };
}

/** The panel of the open cell, in a fixed place. */
export function Lens({ source, trace, labels, cell, breakdown, open, layer }) {
  if (!cell) {
    return html`<aside class="lens" aria-label="One number and its terms"><h3>One number and its terms</h3>
      <p class="dim">Click a cell of a map, or move there with the arrow keys and press Enter: here you see what it was made of.</p></aside>`;
  }
  return html`<aside class="lens" aria-label="One number and its terms" aria-live="polite">
    <h3>${layerOf(trace, cell.key)}[${plainIndex(trace, cell).join(", ")}]${valueText(source, cell)}</h3>
    ${breakdown.explanation
      ? html`<${Terms} key=${`${cell.key}${cell.index}`} trace=${trace} tokens=${labels?.time} explanation=${breakdown.explanation} open=${open} />`
      : html`<p>${breakdown.missing}</p>${breakdown.command && html`<${Command} source=${source} trace=${trace} cell=${cell} layer=${layer} />`}`}
  </aside>`;
}

function valueText(source, cell) {
  const value = source.tensor(cell.key)?.at(cell.index);
  return value === undefined ? "" : ` = ${numberText(value, 6)}`;
}

/** The index without the batch, as the command line takes it. */
function plainIndex(trace, { key, index }) {
  const axes = trace.tensors[key]?.axes ?? [];
  return index.filter((_, axis) => axes[axis] !== "batch");
}

function Command({ source, trace, cell, layer }) {
  const index = plainIndex(trace, cell).join(",");
  const name = layer ? layer.name : layerOf(trace, cell.key);
  const command = `kissipo xray ${source.content.run || "RUN"} --layer ${name} --index ${index}`;
  return html`<p>This command shows all its terms:</p><pre>${command}</pre>`;
}

function Terms({ trace, tokens, explanation, open }) {
  const [all, setAll] = useState(false);
  const terms = [...explanation.terms].sort((one, other) => size(other) - size(one));
  const shown = all ? terms : terms.slice(0, FIRST);
  const rest = terms.slice(shown.length);
  const weighted = explanation.terms.some((term) => term.weight !== 1);
  const recorded = explanation.recorded;
  return html`<p class="formula">${explanation.formula}</p>
    ${terms.length > 0 && html`<div class="wide"><table class="terms"><thead><tr><th>source</th><th class="n">value</th>
      ${weighted && html`<th class="n">weight</th><th class="n">product</th>`}</tr></thead>
      <tbody>${shown.map((term) => html`<tr>
        <td>${term.source && isComputed(trace, term.source.tensor)
          ? html`<button type="button" class="link" onClick=${() => open(term.source.tensor, term.source.index)}>${sourceText(trace, term, tokens)}</button>`
          : sourceText(trace, term, tokens)}</td>
        <td class="n">${numberText(term.value)}</td>
        ${weighted && html`<td class="n">× ${numberText(term.weight)}</td><td class="n">${numberText(term.product)}</td>`}</tr>`)}
      ${rest.length > 0 && html`<tr><td><button type="button" class="link" onClick=${() => setAll(true)}>and ${integerText(rest.length)} more</button></td>
        <td /> ${weighted && html`<td /><td class="n">${numberText(rest.reduce((sum, term) => sum + term.product, 0))}</td>`}</tr>`}
      </tbody></table></div>`}
    <table class="terms"><tbody>
      ${explanation.combine === "sum" && terms.length > 1 && html`<${Line} name="sum of the terms" value=${terms.reduce((sum, term) => sum + term.product, 0)} />`}
      ${explanation.bias !== null && explanation.bias !== undefined && html`<${Line} name="bias" value=${explanation.bias} />`}
      ${explanation.combine === "maximum" && html`<${Line} name=${`the maximum, ${sourceText(trace, winnerOf(terms), tokens)}`} value=${explanation.result} />`}
      ${explanation.combine !== "maximum" && explanation.steps.map((step) => html`<${Line} name=${step.name} value=${step.value} />`)}
      <${Line} name="result" value=${explanation.result} digits=${9} strong=${true} />
      ${recorded !== null && recorded !== undefined && html`<${Line} name="PyTorch recorded" value=${recorded} digits=${9}
        mark=${agrees(explanation) ? "✓ equal" : "✗ differs"} />`}
    </tbody></table>
    ${explanation.parts.map((part) => html`<details><summary>${part.operation}: ${part.formula} = ${numberText(part.result)}</summary>
      <${Terms} trace=${trace} tokens=${tokens} explanation=${part} open=${open} /></details>`)}`;
}

function Line({ name, value, digits = 4, strong = false, mark = "" }) {
  return html`<tr class=${strong ? "strong" : ""}><th scope="row">${name}</th><td class="n">${numberText(value, digits)}</td><td>${mark}</td></tr>`;
}

function size(term) {
  return Math.abs(term.product ?? term.value);
}

function winnerOf(terms) {
  return terms.reduce((best, term) => (term.value > best.value ? term : best));
}

function sourceText(trace, term, tokens) {
  if (!term.source) return term.name;
  const { tensor, index } = term.source;
  const ngrams = ngramsOf(trace, tensor, tokens);
  const words = ngrams ? ` “${ngrams[index[trace.tensors[tensor].axes.indexOf("time")]]}”` : "";
  return `${layerOf(trace, tensor)}[${plainIndex(trace, { key: tensor, index }).join(", ")}]${words}`;
}
