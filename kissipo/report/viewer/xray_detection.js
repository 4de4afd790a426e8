/** The inside of a detector: the cell, the anchor box and the candidates of an object, and NMS step by step. */

import { html, useState } from "./vendor/preact.js";
import { Wide } from "./report_wide.js";
import { integerText, numberText } from "./text.js";

const [THIN, WIDE] = [2, 4]; // of frames, in pixels of the screen

/** The objects of an image, then the steps of non-maximum suppression. */
export function DetectionInside({ record }) {
  const [chosen, setChosen] = useState(0);
  const item = record.objects[chosen];
  return html`
    ${item && html`<h3>From the cell to the box</h3>
      <p class="choice">${record.objects.map(({ name }, number) => html`<button type="button"
        aria-pressed=${number === chosen} onClick=${() => setChosen(number)}>${number + 1} ${name}</button> `)}</p>
      <${OneObject} key=${chosen} record=${record} item=${item} />`}
    ${!item && html`<p>There is no object in this image, and no detection.</p>`}
    <${Suppression} record=${record} />`;
}

/** One object: its drawing, its numbers and its candidates. */
function OneObject({ record, item }) {
  const [at, setAt] = useState(0);
  const candidate = item.candidates[at];
  const color = record.classes[item.label].color;
  return html`<div class="detector"><div>
      <${DetectorImage} record=${record} label=${`${item.name}: ${item.responsible}`}>
        ${item.cell && html`<${Frame} record=${record} corners=${item.cell} color="#fff" fill="rgb(255 255 255 / 30%)" name="cell" />`}
        ${item.anchor && html`<${Frame} record=${record} corners=${item.anchor} color="#fff" dash="2 3" name="anchor box" />`}
        <${Frame} record=${record} corners=${item.corners} color=${color} name="the object" />
        ${candidate && html`<${Frame} record=${record} corners=${candidate.corners} color=${record.classes[candidate.label].color} dash="7 4" wide name=${`candidate ${candidate.number}`} />`}
      <//>
      <p class="dim">${item.cell ? "White area: the cell. " : ""}White dots: the anchor box of the first candidate. Solid: the object. Dashed: the chosen candidate.</p>
    </div><div>
      <p>${item.name}: ${item.responsible}.</p>
      <${Numbers} table=${item.numbers} />
    </div></div>
    <${Wide} name="candidates of the object"><table class="errors"><thead><tr><th scope="col">candidate</th><th scope="col">label</th>
      <th scope="col" class="n">score</th><th scope="col" class="n">IoU with the object</th><th scope="col">what became of it</th></tr></thead>
      <tbody>${item.candidates.map((some, place) => html`<tr>
        <td><button type="button" aria-pressed=${place === at} onClick=${() => setAt(place)}>${integerText(some.number)}</button></td>
        <td>${record.classes[some.label].name}</td><td class="n">${numberText(some.score)}</td>
        <td class="n">${numberText(some.iou, 3)}</td><td>${some.fate}</td></tr>`)}</tbody></table><//>`;
}

function Numbers({ table: { titles, rows } }) {
  return html`<${Wide} name="numbers of the box"><table><thead><tr>${titles.map((title, column) => html`<th scope="col" class=${column === 2 ? "n" : undefined}>${title}</th>`)}</tr></thead>
    <tbody>${rows.map(([name, terms, value]) => html`<tr><th scope="row">${name}</th><td>${terms}</td><td class="n">${value}</td></tr>`)}</tbody></table><//>`;
}

/** The steps of NMS: what is left, kept and removed after each, and the overlaps. */
function Suppression({ record }) {
  const { steps, compared, classes } = record;
  const [at, setAt] = useState(0);
  if (!steps.length) return html`<h3>Non-maximum suppression</h3><p>No candidate has a sufficient score, so there is nothing to suppress.</p>`;
  const step = steps[Math.min(at, steps.length - 1)];
  const done = new Map();
  steps.slice(0, at + 1).forEach(({ survivor, removed }, number) => {
    done.set(survivor, { kept: true, number });
    removed.forEach(([place]) => done.set(place, { kept: false, number }));
  });
  const look = (place) => {
    const state = done.get(place);
    if (!state) return { opacity: 0.45 };
    if (!state.kept) return { dash: "4 4", opacity: state.number === at ? 1 : 0 };
    return { wide: state.number === at };
  };
  return html`<h3>Non-maximum suppression, one step at a time</h3>
    <label class="steps-slider">step ${at + 1} of ${steps.length}
      <input type="range" min="0" max=${steps.length - 1} value=${at} onInput=${(event) => setAt(Number(event.target.value))} /></label>
    <p aria-live="polite">${record.sentences[at]}.</p>
    <div class="detector"><div>
      <${DetectorImage} record=${record} label=${record.sentences[at]}>
        ${compared.map(([number, label, left, top, right, bottom, score], place) => html`<${Frame} record=${record}
          corners=${[left, top, right, bottom]} color=${classes[label].color} ...${look(place)}
          name=${`candidate ${number}, ${classes[label].name} ${numberText(score, 3)}`} />`)}
      <//>
      <p class="dim">Wide: this step keeps it. Dashed: this step removes it. Solid: a step before kept it. Pale: it is still left.</p>
    </div><div><${Overlaps} record=${record} step=${step} done=${done} /></div></div>`;
}

/** The IoU of the candidates with the highest scores with each other. */
function Overlaps({ record, step, done }) {
  const { overlaps, compared, classes } = record;
  const removed = new Set(step.removed.map(([place]) => place));
  const mark = (row, column) => (row === step.survivor && removed.has(column) ? "removes" : row === step.survivor && row === column ? "keeps" : "");
  return html`<p class="dim">IoU of the ${overlaps.length} candidates with the highest scores. The row of the kept one has the values that remove others.</p>
    <${Wide} name="overlaps"><table class="overlaps"><thead><tr><td />${overlaps.map((_, column) => html`<th scope="col" class="n">${integerText(compared[column][0])}</th>`)}</tr></thead>
    <tbody>${overlaps.map((row, place) => html`<tr class=${done.has(place) && !done.get(place).kept ? "gone" : undefined}>
      <th scope="row">${integerText(compared[place][0])} ${classes[compared[place][1]].name} ${numberText(compared[place][6], 2)}</th>
      ${row.map((value, column) => html`<td class=${`n ${mark(place, column)}`} style=${{ background: `rgb(0 114 178 / ${Math.round(40 * value)}%)` }}>${value ? value.toFixed(2) : "·"}</td>`)}</tr>`)}</tbody></table><//>`;
}

function DetectorImage({ record, label, children }) {
  return html`<svg class="detector-image" viewBox=${`0 0 ${record.width} ${record.height}`} role="img" aria-label=${label}>
    <image href=${record.image} width=${record.width} height=${record.height} class=${record.width < 96 ? "pixels" : undefined} />${children}</svg>`;
}

function Frame({ record, corners: [left, top, right, bottom], color, dash, wide, fill, opacity, name }) {
  return html`<rect class="mark" x=${left * record.width} y=${top * record.height} width=${Math.max(0, right - left) * record.width}
    height=${Math.max(0, bottom - top) * record.height} style=${{ stroke: color, fill: fill ?? "none", opacity: opacity ?? 1 }}
    stroke-width=${wide ? WIDE : THIN} stroke-dasharray=${dash} vector-effect="non-scaling-stroke"><title>${name}</title></rect>`;
}
