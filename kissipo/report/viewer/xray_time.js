/** Recurrent layers over time: the gates of every step, the text colored by a unit. */

import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { HeatMap } from "./heat_map.js";
import { css, fittingScale, shareScale } from "./colors.js";
import { Lens, useBreakdown } from "./lens.js";
import { outlinesIn } from "./xray_layer.js";
import { numberText, percentText, visible } from "./text.js";

const PART = 300; // tokens of a text that stand in the page at once
const PAUSE = 400; // milliseconds of a step that is played
const SHARES = "iforz";
const MEANING = {
  i: "input gate i", f: "forget gate f", g: "candidate g", o: "output gate o", c: "cell state c",
  h: "hidden state h", r: "reset gate r", z: "update gate z", n: "candidate n",
};

/** One panel per recurrent layer and direction. */
export function TimePanels(view) {
  const layers = useMemo(() => unrolledLayers(view.trace), [view.trace]);
  const [chosen, setChosen] = useState(layers.length - 1);
  if (!layers.length) return null;
  return html`<section class="time" aria-label="Time"><h2>Step by step through time</h2>
    ${layers.length > 1 && html`<p><label>layer <select value=${chosen} onChange=${(event) => setChosen(Number(event.target.value))}>
      ${layers.map((layer, number) => html`<option value=${number}>${layer.title}</option>`)}</select></label></p>`}
    <${TimePanel} key=${chosen} ...${view} layer=${layers[chosen]} isLast=${chosen === layers.length - 1} /></section>`;
}

/** The recurrent layers of a trace: [{title, cell, forward, gates: {name: key}, steps, units}]. */
function unrolledLayers(trace) {
  return trace.expanded.filter((item) => item.unrolled).flatMap((item) => item.unrolled.map((layer) => {
    const keys = Object.values(layer.gates);
    const [steps, , units] = trace.tensors[keys[0]].shape;
    const call = item.call ? `, call ${item.call + 1}` : "";
    const number = layer.number ? `, layer ${layer.number + 1}` : "";
    return { title: `${item.layer}${call}${number}${layer.forward ? "" : ", backward"}`, cell: item.cell,
      forward: layer.forward, gates: layer.gates, steps, units };
  })).filter((layer) => layer.steps > 1);
}

function TimePanel({ source, trace, labels, layer, state, change, isLast }) {
  const neurons = isLast ? source.content.neurons : null;
  const step = clamp(Number(state.step ?? 0), layer.steps - 1);
  const unit = clamp(Number(state.unit ?? neurons?.unit ?? 0), layer.units - 1);
  const gates = useMemo(() => gatesOf(source, layer), [source, layer]);
  const names = labels.time?.slice(0, layer.steps);
  const { cell, breakdown } = useBreakdown(source, state, Object.values(layer.gates));
  const open = (key, index) => {
    const isGate = Object.values(layer.gates).includes(key);
    change({ cell: `${key}:${index.join(",")}`, ...(isGate ? { step: index[0], unit: index[2] } : {}) });
  };
  const moveTo = (next) => change({ step: clamp(next, layer.steps - 1) });
  const choose = (next) => change({ unit: clamp(next, layer.units - 1) });
  return html`
    <${Controls} layer=${layer} step=${step} unit=${unit} moveTo=${moveTo} choose=${choose} />
    ${neurons && html`<${Neurons} neurons=${neurons} unit=${unit} choose=${choose} />`}
    <p class="now" aria-live="polite">step ${step + 1} of ${layer.steps}${names?.[step] !== undefined ? html`: <b>${visible(names[step])}</b>` : ""}</p>
    <div class="cell-now">
      <${Equation} layer=${layer} gates=${gates} step=${step} unit=${unit} />
      ${trace.top[step] && html`<${Guesses} guesses=${trace.top[step]} next=${names?.[step + 1]} />`}
    </div>
    ${names && isText(trace) && html`<${ColoredText} names=${names} gates=${gates} layer=${layer} unit=${unit} step=${step}
      moveTo=${moveTo} guesses=${trace.top} />`}
    <div class=${cell ? "with-lens" : ""}><div class="gates">${Object.entries(gates).map(([name, gate]) => html`<div>
      <h3>${MEANING[name] ?? name}</h3>
      ${gate.drawing
        ? html`<${HeatMap} drawing=${gate.drawing} name=${MEANING[name] ?? name} scale=${gate.scale} tall=${160}
            labels=${names ? { time: names } : {}} column=${gate.drawing.stride === 1 ? step : undefined}
            row=${gate.drawing.stride === 1 ? unit : undefined}
            outlines=${outlinesIn(breakdown, layer.gates[name])} selected=${cell?.key === layer.gates[name] && gate.drawing.exact ? cell.index : undefined}
            onOpen=${([time, , number]) => open(layer.gates[name], [time * gate.drawing.stride, 0, number * gate.drawing.stride])} />`
        : html`<p class="dim">Only its statistics fit into this page.</p>`}</div>`)}</div>
    ${cell && html`<${Lens} source=${source} trace=${trace} cell=${cell} breakdown=${breakdown} open=${open} />`}</div>`;
}

function gatesOf(source, layer) {
  return Object.fromEntries(Object.entries(layer.gates).map(([name, key]) => {
    const drawing = source.drawing(key);
    const scale = SHARES.includes(name) ? shareScale(name === "z" ? "0 new, 1 keep" : "0 closed, 1 open")
      : drawing ? fittingScale(drawing.tensor.data) : null;
    return [name, { drawing, scale, at: (step, unit) => valueAt(drawing, step, unit) }];
  }));
}

function valueAt(drawing, step, unit) {
  if (!drawing) return NaN;
  const { tensor, stride } = drawing;
  return tensor.at([Math.floor(step / stride), 0, Math.floor(unit / stride)]);
}

function Controls({ layer, step, unit, moveTo, choose }) {
  const [plays, setPlays] = useState(false);
  const now = useRef(step);
  now.current = step;
  useEffect(() => {
    if (!plays) return undefined;
    const timer = setInterval(() => {
      if (now.current + 1 >= layer.steps) setPlays(false);
      else moveTo(now.current + 1);
    }, PAUSE);
    return () => clearInterval(timer);
  }, [plays, layer]);
  return html`<div class="controls">
    <button type="button" aria-pressed=${plays} onClick=${() => setPlays(!plays)}>${plays ? "pause" : "play"}</button>
    <label>step <input type="range" min="0" max=${layer.steps - 1} value=${step} onInput=${(event) => moveTo(Number(event.target.value))} /></label>
    <button type="button" onClick=${() => moveTo(step - 1)} aria-label="step before">−</button>
    <button type="button" onClick=${() => moveTo(step + 1)} aria-label="next step">+</button>
    <label>unit <input type="number" min="0" max=${layer.units - 1} value=${unit}
      onInput=${(event) => event.target.value !== "" && choose(Number(event.target.value))} /></label>
    <span class="dim">of ${layer.units}, counted from 0</span>
  </div>`;
}

function Neurons({ neurons, unit, choose }) {
  const all = [{ unit: neurons.unit, about: neurons.why }, ...neurons.others.filter((other) => other.unit !== neurons.unit)];
  return html`<p class="neurons">Units that follow something: ${all.map((item) => html`<button type="button"
    aria-pressed=${item.unit === unit} onClick=${() => choose(item.unit)}>${item.unit}: ${item.about}</button>`)}</p>`;
}

/** The formulas of the cell with the numbers of this step and unit. */
function Equation({ layer, gates, step, unit }) {
  if (Object.values(gates).some(({ drawing }) => !drawing)) {
    return html`<p class="dim">The numbers of this layer do not fit into this page.</p>`;
  }
  const before = step + (layer.forward ? -1 : 1);
  const exists = before >= 0 && before < layer.steps;
  const at = (name) => gates[name]?.at(step, unit);
  const held = (name) => (exists ? gates[name].at(before, unit) : 0);
  const lines = [];
  if (gates.f && gates.c) {
    const tanh = Math.tanh(at("c"));
    lines.push(["c = f · c before + i · g", `${n(at("f"))} · ${n(held("c"))} + ${n(at("i"))} · ${n(at("g"))}`, at("c")]);
    lines.push(["h = o · tanh(c)", `${n(at("o"))} · ${n(tanh)}`, at("h")]);
  } else if (gates.z) {
    lines.push(["h = (1 − z) · n + z · h before", `${n(1 - at("z"))} · ${n(at("n"))} + ${n(at("z"))} · ${n(held("h"))}`, at("h")]);
  } else {
    lines.push(["h = tanh(x W + h before U + b)", `the state before was ${n(held("h"))}`, at("h")]);
  }
  return html`<table class="equation"><tbody>${lines.map(([formula, numbers, value]) => html`<tr>
    <th scope="row">${formula}</th><td>${numbers}</td><td class="n">= <b>${n(value)}</b></td></tr>`)}
    ${!gates.h.drawing?.exact && html`<tr><td colspan="3" class="dim">The page holds these numbers with two digits.</td></tr>`}
    ${!exists && html`<tr><td colspan="3" class="dim">Before the first step the state is 0.</td></tr>`}</tbody></table>`;
}

function n(value) {
  return numberText(value, 3);
}

function Guesses({ guesses, next }) {
  return html`<p class="guesses">expected next: ${guesses.map((guess) => html`<span class=${guess.unit === next ? "token right" : "token"}>
    ${visible(guess.unit)}<small>${percentText(guess.probability)}</small></span>`)}
    ${next !== undefined && html`<span class="dim"> then came ${visible(next)}</span>`}</p>`;
}

function isText(trace) {
  return Boolean(trace.labels.time?.length);
}

/** The text: the background of each token is the value of the unit after it. */
function ColoredText({ names, gates, layer, unit, step, moveTo, guesses }) {
  const [gate, setGate] = useState("h");
  const part = Math.floor(step / PART);
  const chosen = gates[gate] ?? gates.h;
  const start = part * PART;
  const end = Math.min(names.length, start + PART);
  const isWords = names.some((name) => [...name].length > 1);
  const tokens = [];
  for (let at = start; at < end; at++) tokens.push(at);
  const key = (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    moveTo(step + move);
  };
  return html`<div><p><label>color of the text: <select value=${gate} onChange=${(event) => setGate(event.target.value)}>
      ${Object.keys(gates).map((name) => html`<option value=${name}>${MEANING[name]}</option>`)}</select></label>
      ${names.length > PART && html` <button type="button" onClick=${() => moveTo(start - 1)}>earlier</button> ${start + 1} to ${end} of ${names.length}
      <button type="button" onClick=${() => moveTo(end)}>later</button>`}</p>
    <div class=${isWords ? "text words" : "text"} tabindex="0" role="application" aria-label="The text, colored by the unit. Arrow keys move from step to step."
      onKeyDown=${key} onClick=${(event) => event.target.closest("[data-step]") && moveTo(Number(event.target.closest("[data-step]").dataset.step))}>
      ${tokens.map((at) => html`<span data-step=${at} class=${at === step ? "letter at" : "letter"}>
        <b style=${colors(chosen, at, unit)}>${visible(names[at]) === "" ? " " : visible(names[at])}</b>
        ${guesses[at] && guesses[at].slice(0, 3).map((guess) => html`<small class=${guess.unit === names[at + 1] ? "right" : ""}
          style=${{ opacity: 0.45 + 0.55 * guess.probability }}>${visible(guess.unit)}</small>`)}</span>`)}
    </div></div>`;
}

function colors({ scale, at }, step, unit) {
  const value = at(step, unit);
  if (!Number.isFinite(value) || !scale) return {};
  const color = scale.color(value);
  const light = (299 * color[0] + 587 * color[1] + 114 * color[2]) / 1000;
  return { background: css(color), color: light > 140 ? "#111" : "#fff" };
}

function clamp(value, most) {
  return Number.isFinite(value) ? Math.min(most, Math.max(0, value)) : 0;
}
