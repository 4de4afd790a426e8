/** Mounts the view that the content of the page names. */

import { html, render } from "./vendor/preact.js";
import { openSource } from "./source.js";
import { XrayPage } from "./xray_page.js";
import { ReportPage } from "./report_page.js";

const VIEWS = { xray: XrayPage, report: ReportPage };

/** Draws the page in place of its plain version. */
export async function main() {
  const source = await openSource();
  const page = document.getElementById("page");
  page.replaceChildren();
  render(html`<${VIEWS[source.content.view]} source=${source} />`, page);
  document.body.dataset.ready = "yes";
}
