/** The x-ray of one example: input, every layer, output, and any number broken down into its terms. */

import { html, useLayoutEffect, useMemo } from "./vendor/preact.js";
import { usePageState } from "./page_state.js";
import { groupsOf, namesByAxis, orderOf } from "./xray_layers.js";
import { Records } from "./report_records.js";
import { XrayStrip } from "./xray_strip.js";
import { LayerPanel } from "./xray_layer.js";
import { TimePanels } from "./xray_time.js";
import { AttentionPanels } from "./xray_attention.js";
import { Chains, Explained, GradientBars, Images, Operations, ThroughTime } from "./xray_sections.js";

/** The whole page. */
export function XrayPage({ source }) {
  return html`<${Heading} content=${source.content} /><${Xray} source=${source} />`;
}

function Heading({ content }) {
  return html`<header><h1>${content.title}</h1><p class="dim">${content.subtitle}</p></header>`;
}

/** The x-ray without a heading, as a report shows it for an example. */
export function Xray({ source }) {
  const trace = source.content.trace;
  const [state, change] = usePageState();
  const groups = useMemo(() => groupsOf(trace), [trace]);
  const labels = useMemo(() => namesByAxis(trace), [trace]);
  const order = useMemo(() => orderOf(groups), [groups]);
  const number = Math.min(groups.length - 1, Math.max(0, Number(state.layer ?? order[0] ?? 0)));
  const choose = (layer) => change({ layer, call: undefined, cell: undefined });
  // before the page is painted: a key pressed at once is not lost
  useLayoutEffect(() => listen(order, number, choose), [order, number]);
  const view = { source, trace, groups, labels, number, choose, state, change };
  return html`
    <${XrayStrip} ...${view} />
    ${(trace.sections ?? []).map((section) => html`<section aria-label=${section.title}><h2>${section.title}</h2>
      <${Records} records=${section.records} /></section>`)}
    ${groups.length > 0 && html`<${LayerPanel} ...${view} />`}
    <${TimePanels} ...${view} />
    <${AttentionPanels} ...${view} />
    <${Images} images=${source.content.images} />
    <${GradientBars} groups=${groups} choose=${choose} />
    <${ThroughTime} trace=${trace} />
    <${Chains} trace=${trace} />
    <${Explained} trace=${trace} />
    <${Operations} source=${source} trace=${trace} />`;
}

/** Arrow keys move from layer to layer where no field or map has the focus. */
function listen(order, number, choose) {
  const key = (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const inside = event.target.closest?.("input, select, textarea, canvas, .plot, [role=application]");
    if (!steps || inside || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = order.indexOf(number);
    const next = order[Math.min(order.length - 1, Math.max(0, place + steps))];
    if (next !== undefined && next !== number) {
      event.preventDefault();
      choose(next);
    }
  };
  addEventListener("keydown", key);
  return () => removeEventListener("keydown", key);
}
