/** Evaluated samples: what the model read, what it predicts, what is true, and how to look inside. */

import { html, useState } from "./vendor/preact.js";
import { Lattice } from "./report_lattice.js";
import { usePage } from "./report_context.js";
import { withoutProbability } from "./text.js";

const KINDS = { right: "good", best: "good", wrong: "bad", worst: "bad" };

/** A list of samples. */
export function Examples({ examples }) {
  return html`<ul class="examples">${examples.map((example) => html`<${Example} example=${example} />`)}</ul>`;
}

function Example({ example }) {
  const { run } = usePage();
  const isRight = example.target === withoutProbability(example.prediction);
  return html`<li>
    ${example.image ? html`<${Drawn} image=${example.image} name=${`target ${example.target}`} />`
      : html`<p class="words">${example.text}</p>`}
    <dl>
      <dt>prediction</dt><dd class=${KINDS[example.kind] ?? (isRight ? "good" : "bad")}>${example.prediction}</dd>
      <dt>target</dt><dd>${example.target}</dd>
    </dl>
    <p class="dim">${example.kind && `${example.kind}, `}example ${example.position + 1} of the split, row ${example.row}</p>
    ${run && html`<${Command} text=${`kissipo xray ${quoted(run)} --example ${example.position + 1}`} />`}
  </li>`;
}

function quoted(path) {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** An image, or the crossings of a grid. */
export function Drawn({ image, name = "", title }) {
  if (image.lattice) return html`<${Lattice} lattice=${image.lattice} name=${name} />`;
  const smooth = Math.max(image.width, image.height) >= 64;
  return html`<img class=${smooth ? "" : "pixels"} src=${image.image} alt=${name} title=${title}
    width=${image.width} height=${image.height} />`;
}

/** A command with a button that copies it. */
export function Command({ text }) {
  return html`<div class="command"><code>${text}</code><${Copy} text=${text} name="the command" /></div>`;
}

/** A button that copies a text. */
export function Copy({ text, name }) {
  const [done, setDone] = useState("");
  const copy = async () => {
    setDone((await copied(text)) ? "copied" : "select the text");
    setTimeout(() => setDone(""), 2000);
  };
  return html`<button type="button" class="copy" aria-label=${`copy ${name}`} onClick=${copy}>
    ${done || "copy"}</button>`;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // a frame without the permission, such as in a notebook
  }
}
