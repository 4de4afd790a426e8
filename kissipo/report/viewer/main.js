/** Mounts the view that the content of the page names. */

import { html, render } from "./vendor/preact.js";
import { openSource } from "./source.js";
import { XrayPage } from "./xray_page.js";
import { ReportPage } from "./report_page.js";

const VERSION = 1; // of the content that these views read
const VIEWS = { xray: XrayPage, report: ReportPage };

/** Draws the page in place of its plain version. */
export async function main() {
  const source = await openSource();
  const page = document.getElementById("page");
  page.replaceChildren();
  const { view, version } = source.content;
  const shown = version === VERSION ? html`<${VIEWS[view]} source=${source} />`
    : html`<p>The data of this page have another version (${version}). Write the page again with this version of kissipo.</p>`;
  render(shown, page);
  document.body.dataset.ready = "yes";
}
