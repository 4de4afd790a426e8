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
    : html`<p>This page holds data of another version (${version}): make it again with this kissipo.</p>`;
  render(shown, page);
  document.body.dataset.ready = "yes";
}
