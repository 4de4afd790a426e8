/** The other sections of an x-ray: images, gradients, the chain rule, operations. */

import { html, useMemo, useState } from "./vendor/preact.js";
import { Bars } from "./bars.js";
import { LineChart } from "./line_chart.js";
import { integerText, numberText, shapeText } from "./text.js";

const MANY = 2000;
const MANY_WINDOWS = 200;
const MANY_BARS = 40;

/** Images with a caption, such as heat maps of the classes. */
export function Images({ images }) {
  if (!images) return null;
  return html`<section aria-label="Heatmaps"><h2>Where the net looks</h2><div class="images">
    ${images.images.map((image) => html`<figure><img src=${image.address} alt=${`${image.caption} ${image.note ?? ""}`} />
      <figcaption>${image.caption}<br /><span class="dim">${image.note ?? ""}</span></figcaption></figure>`)}</div>
    <p class="dim">${images.how}.</p></section>`;
}

/** The norm of the gradient of the loss at each layer, on a logarithmic scale. */
export function GradientBars({ groups, choose }) {
  const calls = groups.map((group, number) => ({ group, number, norm: group.calls[0].gradient }))
    .filter(({ norm, group }) => norm !== null && norm !== undefined && !group.same).slice(0, MANY_BARS);
  if (calls.length < 2) return null;
  const positive = calls.map(({ norm }) => norm).filter((norm) => norm > 0);
  const [low, high] = [Math.log10(Math.min(...positive)) - 0.5, Math.log10(Math.max(...positive))];
  return html`<section aria-label="Gradients"><h2>Backward: the gradient at each layer</h2>
    <p class="dim">The norm of the gradient of this example's loss with respect to the output of each layer. Logarithmic scale.</p>
    <${Bars} values=${calls.map(({ norm }) => norm)} names=${calls.map(({ group }) => `${group.description} (${group.name})`)}
      text=${(value) => numberText(value, 3)} onOpen=${(place) => choose(calls[place].number)}
      size=${(value) => (value > 0 ? (Math.log10(value) - low) / (high - low || 1) : 0)} /></section>`;
}

/** The gradient of the loss at the state of each step. */
export function ThroughTime({ trace }) {
  const losses = [...new Set(trace.through_time.map((item) => item.loss))];
  if (!losses.length) return null;
  return html`<section aria-label="Gradients through time"><h2>Gradients through time</h2>
    <p class="dim">How strongly the loss depends on the state of each step: the norm of the gradient, on a logarithmic scale.</p>
    ${losses.map((loss) => html`<${OneLoss} items=${trace.through_time.filter((item) => item.loss === loss)} loss=${loss} />`)}</section>`;
}

function OneLoss({ items, loss }) {
  const chart = useMemo(() => {
    const longest = Math.max(...items.map((item) => item.norms.length));
    return {
      x: Array.from({ length: longest }, (_, step) => step + 1),
      series: items.map((item) => ({
        name: `${item.layer}${item.direction === "backward" ? ", backward" : ""}`,
        values: Array.from({ length: longest }, (_, step) => (item.norms[step] > 0 ? item.norms[step] : null)),
      })),
    };
  }, [items.length, loss]);
  return html`<${LineChart} ...${chart} log=${true} xLabel="step" yLabel="norm of the gradient" name=${`loss of ${loss}`} />`;
}

/** The chain rule with numbers, for small dense nets. */
export function Chains({ trace }) {
  if (!trace.chains.length) return null;
  return html`<section aria-label="The chain rule"><h2>The chain rule</h2>
    <p class="dim">For half the squared error of this example: the factors of the derivative of every weight, and what autograd says.</p>
    <div class="wide"><table><thead><tr><th>weight</th><th>factors</th><th class="n">product</th><th class="n">autograd</th></tr></thead>
    <tbody>${trace.chains.slice(0, 64).map((chain) => html`<tr><td>${chain.weight}</td>
      <td>${chain.factors.map((factor) => `${factor.name} ${numberText(factor.value, 6)}`).join(" · ")}
        ${chain.factors.flatMap((factor) => factor.terms).map((term) => html`<br /><span class="dim">path: ${term}</span>`)}</td>
      <td class="n">${numberText(chain.product, 9)}</td><td class="n">${numberText(chain.autograd, 9)}</td></tr>`)}</tbody></table></div></section>`;
}

/** The content of a lesson: arrays, windows and tables. */
export function Explained({ trace }) {
  return trace.explained.map((lesson) => html`<section><h2>${lesson.title}</h2><p>${lesson.description}</p>
    ${lesson.figures.map((figure) => html`<p><b>${figure.name}</b></p><${Grid} values=${figure.values} />`)}
    ${lesson.windows.length > 0 && html`<div class="wide"><table><thead><tr><th>filter</th><th>window</th><th>products</th><th class="n">sum</th></tr></thead>
      <tbody>${lesson.windows.slice(0, MANY_WINDOWS).map((window) => html`<tr><td>${window.filter}</td><td>${window.row + 1}, ${window.column + 1}</td>
        <td>${window.products.flat(4).map((value) => numberText(value, 3)).join(" ")}</td><td class="n">${numberText(window.sum)}</td></tr>`)}</tbody></table></div>`}
    ${lesson.table.length > 0 && html`<div class="wide"><table><thead><tr>${Object.keys(lesson.table[0]).map((name) => html`<th>${name}</th>`)}</tr></thead>
      <tbody>${lesson.table.map((row) => html`<tr>${Object.values(row).map((cell) => html`<td>${typeof cell === "number" ? numberText(cell) : cell}</td>`)}</tr>`)}</tbody></table></div>`}
    </section>`);
}

function Grid({ values }) {
  const rows = Array.isArray(values[0]) ? values : [values];
  return html`<div class="wide"><table class="grid"><tbody>${rows.map((row) => html`<tr>${row.map((value) => html`<td class="n">${numberText(value, 3)}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** Every recorded operation of PyTorch, folded. */
export function Operations({ source, trace }) {
  const [open, setOpen] = useState(false);
  const lost = [...trace.not_followed, ...trace.expanded.filter((item) => item.opaque)
    .map((item) => `${item.layer}: its inside is not available, because ${item.opaque}`)];
  if (!trace.operations.length && !lost.length) return null;
  return html`<section aria-label="Operations"><details onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${allOperations(trace.operations.length)}</summary>
    ${open && html`<${Table} source=${source} trace=${trace} />`}</details>
    ${lost.length > 0 && html`<p>What could not be followed:</p><ul>${lost.map((note) => html`<li>${note}</li>`)}</ul>`}</section>`;
}

function allOperations(count) {
  return count === 1 ? "The operation of PyTorch" : `All ${integerText(count)} operations of PyTorch in their order`;
}

function Table({ source, trace }) {
  const shape = (key) => {
    const about = key && source.about(key);
    return about ? shapeText(about.axes, about.shape) : "";
  };
  return html`<div class="wide"><table><thead><tr><th class="n">number</th><th>layer</th><th>operation</th><th>output</th><th class="n">parameters</th><th class="n">multiplications</th><th class="n">ms</th></tr></thead>
    <tbody>${trace.operations.slice(0, MANY).map((operation) => html`<tr><td class="n">${operation.number}</td><td>${operation.layer}</td>
      <td>${operation.text}${operation.random ? " (random)" : ""}</td><td>${shape(operation.outputs[0])}</td>
      <td class="n">${integerText(operation.parameters)}</td><td class="n">${operation.multiplications === null ? "?" : integerText(operation.multiplications)}</td>
      <td class="n">${(operation.seconds * 1e3).toFixed(3)}</td></tr>`)}</tbody></table></div>`;
}
