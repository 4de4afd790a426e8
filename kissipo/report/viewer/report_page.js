/** The report of a run: contents that stay in view, the verdict, and one section after the other. */

import { html, useEffect, useMemo, useState } from "./vendor/preact.js";
import { usePageState } from "./page_state.js";
import { Page, Words } from "./report_context.js";
import { Records } from "./report_records.js";
import { Xrays } from "./report_xrays.js";

const STAGES = { "": "Run", input: "Input", process: "Process", output: "Output" };
const MARK = { better: "✓", tie: "=", worse: "✗" };

/** The whole report. */
export function ReportPage({ source }) {
  const { title, subtitle, verdicts, figures, words, run } = source.content;
  const sections = useMemo(() => sectionsOf(source.content), [source]);
  const [state, change] = usePageState();
  const named = useMemo(() => withIds(sections), [sections]);
  const here = useSectionInView(named);
  useEffect(() => {
    if (state.section) scrollToSection(state.section, false);
    return opensFoldsForPrinting();
  }, []);
  const page = useMemo(() => ({ source, words, run, state, change }), [source, words, run, state]);
  const open = (id) => {
    change({ section: id });
    scrollToSection(id, true);
  };
  return html`<${Page.Provider} value=${page}>
    <div class=${named.length > 2 ? "report" : "report short"}>
      <${Contents} sections=${named} here=${here} onOpen=${open} />
      <div class="body">
        <header>
          <h1>${title}</h1>
          <p class="dim">${subtitle}</p>
          ${verdicts.map(({ text, style }) => html`<p class=${`verdict ${style}`}><b aria-hidden="true">${MARK[style]}</b> <span><${Words} text=${text} /></span></p>`)}
          ${figures.length > 0 && html`<dl class="figures">${figures.map(({ name, value, note }) => html`<div>
            <dt><${Words} text=${name} all /></dt><dd>${value}</dd><dd class="dim">${note}</dd></div>`)}</dl>`}
        </header>
        ${named.map((section) => html`<section id=${section.id} class=${section.stage || undefined} aria-labelledby=${`${section.id}-title`}>
          <h2 id=${`${section.id}-title`} tabindex="-1">${section.stage && html`<span class="stage-name">${STAGES[section.stage]}</span>`} ${section.title}</h2>
          <${Records} records=${section.records} />
          ${section.xrays && html`<${Xrays} record=${section} />`}</section>`)}
      </div>
    </div>
  <//>`;
}

/** The sections, with that of the x-rays after those of the output. */
function sectionsOf({ sections, xrays = [] }) {
  if (!xrays.length) return sections;
  const inside = { title: "Examples from the inside", stage: "output", records: [], xrays };
  return [...sections.slice(0, -1), inside, ...sections.slice(-1)];
}

/** The titles of all sections, by stage. */
function Contents({ sections, here, onOpen }) {
  const follow = (event, id) => {
    event.preventDefault();
    onOpen(id);
  };
  return html`<nav aria-label="Contents"><ol>${sections.map((section) => html`
    <li class=${section.stage || undefined}>
      ${section.starts && html`<span class="stage-name">${STAGES[section.stage]}</span>`}
      <a href=${`#${section.id}`} aria-current=${here === section.id ? "true" : undefined}
        onClick=${(event) => follow(event, section.id)}>${section.title}</a></li>`)}</ol></nav>`;
}

/** The sections with an id each; the first of a stage starts it. */
function withIds(sections) {
  const used = new Set();
  return sections.map((section, place) => {
    const plain = section.title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "section";
    let id = plain;
    for (let number = 2; used.has(id); number++) id = `${plain}-${number}`;
    used.add(id);
    const before = place ? sections[place - 1].stage : null;
    return { ...section, id, starts: before !== null && section.stage !== before };
  });
}

function scrollToSection(id, focus) {
  const section = document.getElementById(id);
  if (!section) return;
  section.scrollIntoView();
  if (focus) section.querySelector("h2").focus({ preventScroll: true });
}

/** The id of the section at the top of the screen. */
function useSectionInView(sections) {
  const [here, setHere] = useState(sections.length ? sections[0].id : "");
  useEffect(() => {
    const look = () => {
      const line = innerHeight / 3;
      const passed = sections.filter(({ id }) => document.getElementById(id).getBoundingClientRect().top < line);
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 4;
      const last = atEnd && scrollY > 0 ? sections[sections.length - 1] : passed[passed.length - 1];
      setHere((last ?? sections[0]).id);
    };
    addEventListener("scroll", look, { passive: true });
    look();
    return () => removeEventListener("scroll", look);
  }, [sections]);
  useEffect(() => {
    const link = document.querySelector('nav [aria-current="true"]');
    if (!link) return;
    const list = link.closest("ol");
    list.scrollTo({ left: link.offsetLeft - list.clientWidth / 3, top: link.offsetTop - list.clientHeight / 2 });
  }, [here]);
  return here;
}

/** Opens every fold while the page is printed, but for the inside of the examples. */
function opensFoldsForPrinting() {
  const open = () => document.querySelectorAll("details:not(.xrays, .xrays *)").forEach((fold) => { fold.open = true; });
  addEventListener("beforeprint", open);
  return () => removeEventListener("beforeprint", open);
}
