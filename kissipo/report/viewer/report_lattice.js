/** A grid of lines with marked crossings. */

import { html } from "./vendor/preact.js";

const STEP = 11;
const LOW = 6;

/** Draws columns and rows from the upper left. */
export function Lattice({ lattice, name }) {
  const [right, bottom] = [lattice.columns, lattice.rows].map((count) => LOW + (count - 1) * STEP);
  const grid = [
    ...Array.from({ length: lattice.columns }, (_, place) => `M${LOW + place * STEP} ${LOW}V${bottom}`),
    ...Array.from({ length: lattice.rows }, (_, place) => `M${LOW} ${LOW + place * STEP}H${right}`),
  ].join("");
  return html`<svg class="lattice" viewBox=${`0 0 ${right + LOW} ${bottom + LOW}`} role="img" aria-label=${name || "a grid with marks"}>
    <path class="lines" d=${grid} />
    ${Object.entries(lattice.crossings).flatMap(([kind, places]) => places.map(([column, row]) =>
      html`<${Mark} kind=${kind} x=${LOW + column * STEP} y=${LOW + row * STEP} />`))}
  </svg>`;
}

function Mark({ kind, x, y }) {
  if (kind === "square") return html`<rect class="square" x=${x - 4} y=${y - 4} width="8" height="8" />`;
  return html`<circle class=${kind} cx=${x} cy=${y} r=${kind === "ring" ? 3.5 : 5} />`;
}
