/** The x-ray of one example. */

import { html } from "./vendor/preact.js";

/** The whole page. */
export function XrayPage({ source }) {
  return html`<header><h1>${source.content.title}</h1></header>`;
}
