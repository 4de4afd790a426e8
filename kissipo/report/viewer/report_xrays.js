/** Examples from the inside: the x-ray of some evaluated samples, in the report itself. */

import { html, useMemo, useState } from "./vendor/preact.js";
import { usePage } from "./report_context.js";
import { sourceOf } from "./source.js";
import { Xray } from "./xray_page.js";

/** The x-ray of the chosen example. */
export function Xrays({ record }) {
  const { source, run, state, change } = usePage();
  const chosen = Math.min(record.xrays.length - 1, Math.max(0, Number(state.xray ?? 0)));
  const [isOpen, setOpen] = useState(state.xray !== undefined);
  const inside = useMemo(() => sourceOf(source, record.xrays[chosen], run), [chosen]);
  const choose = (xray) => change({ xray, layer: undefined, call: undefined, cell: undefined, step: undefined });
  return html`<details class="xrays" open=${isOpen} onToggle=${(event) => setOpen(event.target.open)}>
    <summary>Look inside the net, with every layer and number</summary>
    <p class="choice">${record.xrays.map(({ title }, number) => html`<button type="button"
      aria-pressed=${number === chosen} onClick=${() => choose(number)}>${title}</button> `)}</p>
    ${isOpen && html`<div class="xray"><${Xray} key=${chosen} source=${inside} /></div>`}</details>`;
}
