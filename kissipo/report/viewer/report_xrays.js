/** Examples from the inside: the x-ray of some evaluated samples, in the report itself. */

import { html, useEffect, useMemo, useState } from "./vendor/preact.js";
import { usePage } from "./report_context.js";
import { sourceOf } from "./source.js";
import { Xray } from "./xray_page.js";

/** The x-ray of the chosen example. */
export function Xrays({ record }) {
  const { source, run, state, change } = usePage();
  const chosen = Math.min(record.xrays.length - 1, Math.max(0, Number(state.xray ?? 0)));
  const [shown, setShown] = useState(null);
  const folded = useMemo(() => state.xray === undefined, []);
  const [isOpen, setOpen] = useState(!folded);
  useEffect(() => {
    if (!isOpen) return undefined;
    let current = true;
    sourceOf(source, record.xrays[chosen], run).then((made) => current && setShown({ made, chosen }));
    return () => { current = false; };
  }, [chosen, isOpen]);
  const choose = (xray) => change({ xray, layer: undefined, call: undefined, cell: undefined, step: undefined });
  return html`<details open=${isOpen} onToggle=${(event) => setOpen(event.target.open)}>
    <summary>Look inside the net, with every layer and number</summary>
    <p class="choice">${record.xrays.map(({ title }, number) => html`<button type="button"
      aria-pressed=${number === chosen} onClick=${() => choose(number)}>${title}</button> `)}</p>
    ${shown && html`<div class="xray"><${Xray} key=${shown.chosen} source=${shown.made} /></div>`}</details>`;
}
