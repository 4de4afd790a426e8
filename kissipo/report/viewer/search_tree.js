/** The beginnings that a search kept, as a tree: a column per step, dead branches pale. */

import { html, useMemo, useRef, useState } from "./vendor/preact.js";
import { Wide } from "./report_wide.js";
import { numberText, visible } from "./text.js";

const [ROW, TOP, LETTER, GAP, MOST] = [40, 18, 7.2, 22, 14]; // pixels; letters of a token that are shown
const STATES = { best: "part of the best text", kept: "part of a text that is kept", dropped: "dropped" };

/** The tree; arrow keys move along it, and a line says what is under the cursor. */
export function SearchTree({ record }) {
  const { nodes, joiner, name } = record;
  const [at, setAt] = useState(-1);
  const drawing = useRef();
  const plan = useMemo(() => planOf(nodes), [nodes]);
  const key = (event) => {
    const next = moved(nodes, at, event.key);
    if (next === at) return;
    event.preventDefault();
    event.stopPropagation();
    setAt(next);
    drawing.current.querySelectorAll(".node")[next].scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const count = nodes.filter(({ state }) => state === "dropped").length;
  return html`<figure class="search-tree">
    <div class="frame" tabindex="0" role="application" onKeyDown=${key}
      aria-label=${`${name}: ${nodes.length} beginnings in ${plan.steps} steps, ${count} of them dropped. Arrow keys move along the tree.`}>
      <${Wide} name=${name}>
        <svg ref=${drawing} width=${plan.width} height=${plan.height} aria-hidden="true">
          ${nodes.map((node, number) => node.parent >= 0 && html`<path class=${node.state} d=${edge(plan, nodes, number)} />`)}
          ${nodes.map((node, number) => html`<g class=${`node ${node.state} ${number === at ? "at" : ""}`}
            transform=${`translate(${plan.x[node.step]} ${TOP + node.place * ROW})`} onMouseEnter=${() => setAt(number)}>
            <rect y="-13" width=${plan.widths[node.step]} height="32" rx="6" />
            <text class="token" x="6">${shown(node.token)}</text>
            <text class="total" x="6" y="14">${numberText(node.total, 3)}</text></g>`)}
        </svg><//></div>
    <p class="map-value" aria-live="polite">${at < 0 ? "Point at a token, or use the arrow keys." : described(nodes, at, joiner)}</p>
    <p class="legend"><span class="best">best text</span> <span class="kept">kept to the end</span> <span class="dropped">dead branch</span></p>
  </figure>`;
}

/** What stands at a node, in words. */
function described(nodes, at, joiner) {
  const node = nodes[at];
  const before = pathTo(nodes, node.parent).map(({ token }) => token).join(joiner);
  return `Step ${node.step + 1}: “${visible(node.token)}”${before ? ` after “${before}”` : ""}: log p ${numberText(node.log_probability, 4)}, `
    + `sum ${numberText(node.total, 4)}, score ${numberText(node.score, 4)}, ${STATES[node.state]}${node.ends ? ", the text ends" : ""}`;
}

function pathTo(nodes, number) {
  const path = [];
  for (let place = number; place >= 0; place = nodes[place].parent) path.unshift(nodes[place]);
  return path;
}

/** The node that a key leads to: right a child, left the parent, up and down in the step. */
function moved(nodes, at, key) {
  if (!["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"].includes(key)) return at;
  if (at < 0) return 0;
  const children = nodes.flatMap((node, number) => (node.parent === at ? [number] : []));
  const same = nodes.flatMap((node, number) => (node.step === nodes[at].step ? [number] : []));
  const place = same.indexOf(at);
  const next = {
    ArrowRight: children.find((number) => nodes[number].state === "best") ?? children[0],
    ArrowLeft: nodes[at].parent < 0 ? undefined : nodes[at].parent,
    ArrowUp: same[place - 1],
    ArrowDown: same[place + 1],
  }[key];
  return next ?? at;
}

/** Where the columns of the steps stand, and how wide they are. */
function planOf(nodes) {
  const steps = 1 + Math.max(-1, ...nodes.map(({ step }) => step));
  const widths = Array.from({ length: steps }, () => 44);
  for (const { step, token } of nodes) widths[step] = Math.max(widths[step], 12 + LETTER * [...shown(token)].length);
  const x = [0];
  widths.forEach((width, step) => x.push(x[step] + width + GAP));
  const rows = 1 + Math.max(0, ...nodes.map(({ place }) => place));
  return { steps, widths, x, width: x[steps] || 1, height: TOP + rows * ROW };
}

function edge(plan, nodes, number) {
  const node = nodes[number];
  const parent = nodes[node.parent];
  const from = [plan.x[parent.step] + plan.widths[parent.step], TOP + parent.place * ROW + 3];
  const to = [plan.x[node.step], TOP + node.place * ROW + 3];
  const middle = (from[0] + to[0]) / 2;
  return `M${from.join(" ")}C${middle} ${from[1]} ${middle} ${to[1]} ${to.join(" ")}`;
}

function shown(token) {
  const letters = [...visible(token)];
  return letters.length > MOST ? `${letters.slice(0, MOST - 1).join("")}…` : letters.join("");
}
