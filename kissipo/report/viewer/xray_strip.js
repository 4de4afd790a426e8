/** The strip Input -> Process -> Output with the real input and the answer. */

import { html, useEffect, useRef } from "./vendor/preact.js";
import { InputCard } from "./xray_input.js";
import { OutputCard } from "./xray_output.js";
import { Steps } from "./xray_steps.js";
import { counted, integerText, shapeText } from "./text.js";

const MANY = 60; // layers that are listed at once

/** The three stages. */
export function XrayStrip(view) {
  const { trace } = view;
  return html`<div class="stages">
    <section class="stage input" aria-label="Input"><h2>Input</h2><${InputCard} ...${view} /></section>
    <section class="stage process" aria-label="Process"><h2>Process</h2>
      <p class="dim">${integerText(trace.parameters)} parameters, ${integerText(trace.multiplications)} multiplications.${view.groups.length > 0
        && " The keys ← and → move from layer to layer."}</p>
      ${view.groups.length > 0 ? html`<${LayerList} ...${view} />`
        : html`<${Steps} ...${view} steps=${trace.steps.filter((step) => step.stage === "process")} />`}</section>
    <section class="stage output" aria-label="Output"><h2>Output</h2><${OutputCard} ...${view} /></section>
  </div>
  ${trace.notes.map((note) => html`<p class="dim">Note: ${note}.</p>`)}`;
}

function LayerList({ trace, groups, number, choose }) {
  const shown = groups.map((group, place) => ({ group, place }))
    .filter(({ place }) => groups.length <= MANY || Math.abs(place - number) <= MANY / 2);
  const list = useRef();
  useEffect(() => {
    const current = list.current.querySelector("[aria-current=true]");
    if (current) list.current.scrollTop = current.offsetTop - list.current.offsetTop - 100;
  }, [number]);
  return html`<ol class="layers" ref=${list} start=${shown.length ? shown[0].place + 1 : 1}>
    ${shown.map(({ group, place }) => html`<li class=${group.same ? "same" : ""}>
      <button type="button" aria-current=${place === number} onClick=${() => choose(place)}>
        <b>${group.description}</b>
        <span>${group.name}${group.calls.length > 1 ? `, ${counted(group.calls.length, "call")}` : ""}</span>
        <i>${group.same ? "the same numbers" : shapeOf(trace, group)}</i>
      </button></li>`)}
  </ol>`;
}

function shapeOf(trace, group) {
  const about = trace.tensors[group.calls[0].output];
  return about ? shapeText(about.axes, about.shape) : "";
}
