/** What the parts of a report share: its words, its run, and the state in the address. */

import { createContext, html, useContext, useMemo } from "./vendor/preact.js";
import { Term } from "./glossary.js";

/** The words, the folder of the run, the state of the page and the function that changes it. */
export const Page = createContext({ words: {}, run: "", state: {} });

/** Returns what the parts share. */
export function usePage() {
  return useContext(Page);
}

// terms that stand in nearly every sentence; they are explained in titles only
const COMMON = new Set(["input", "output", "process", "model", "training", "prediction", "target",
  "example", "sample", "class", "step", "unit", "net", "layer", "split", "data set", "label",
  "shape", "task", "option", "feature", "metric", "evaluation", "loss", "weight", "parameter",
  "batch", "sequence", "token", "forecast", "train", "window", "policy", "baseline", "series"]);

/** A text whose terms have their sentences on hover, focus and touch. */
export function Words({ text, all = false }) {
  const { words } = usePage();
  const parts = useMemo(() => split(text, words, all), [text, words, all]);
  return parts.map((part, number) => number % 2
    ? html`<${Term} words=${words} name=${part.term}>${part.text}<//>` : part);
}

/** Texts and terms in turn: ["the ", {text: "Recalls", term: "recall"}, " of"]. */
function split(text, words, all) {
  const names = Object.keys(words).filter((name) => all || !COMMON.has(name));
  if (!names.length) return [text];
  const sorted = names.sort((a, b) => b.length - a.length).map(escaped);
  const pattern = new RegExp(`(?<![\\w'-])(${sorted.join("|")})s?(?![\\w'-])`, "giu");
  const parts = [];
  const seen = new Set();
  let end = 0;
  for (const found of text.matchAll(pattern)) {
    const term = found[1].toLowerCase();
    if (seen.has(term)) continue;
    seen.add(term);
    parts.push(text.slice(end, found.index), { text: found[0], term });
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

function escaped(name) {
  return name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
