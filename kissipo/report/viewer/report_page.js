/** The report of a run. */

import { html } from "./vendor/preact.js";

/** The whole report. */
export function ReportPage({ source }) {
  return html`<header><h1>${source.content.title}</h1></header>`;
}
