/** A decision threshold that can be moved, with what it does to the evaluated samples. */

import { html, useMemo } from "./vendor/preact.js";
import { usePage, Words } from "./report_context.js";
import { integerText, numberText } from "./text.js";

const BINS = 40;

/** The slider, the histogram of the probabilities, the counts and the rates. */
export function Threshold({ record }) {
  const { state, change } = usePage();
  const at = Number(state.threshold || record.threshold);
  const cost = Number(state.cost || record.false_negative_cost);
  const counts = useMemo(() => countsAt(record, at), [record, at]);
  const best = useMemo(() => cheapest(record, cost), [record, cost]);
  const rates = ratesOf(counts, cost);
  return html`<div class="threshold">
    <${Split} record=${record} at=${at} />
    <label>threshold on the probability of “${record.positive}”: <b>${numberText(at, 3)}</b>
      <input type="range" min="0" max="1" step="0.001" value=${at}
        onInput=${(event) => change({ threshold: event.target.value })} /></label>
    <p class="row"><button type="button" onClick=${() => change({ threshold: "" })}>of the model: ${numberText(record.threshold, 3)}</button>
      <button type="button" onClick=${() => change({ threshold: best })}>cheapest here: ${numberText(best, 3)}</button>
      <label>a false negative costs <input type="number" min="0" step="any" value=${cost}
        onInput=${(event) => change({ cost: event.target.value })} /> false positives</label></p>
    <dl class="figures small" aria-live="polite">
      ${rates.map(([name, value]) => html`<div><dt><${Words} text=${name} all /></dt><dd>${value}</dd></div>`)}
    </dl>
    <p>${`Of ${integerText(counts.tp + counts.fn)} samples of “${record.positive}”, ${integerText(counts.fn)} are missed; of ${integerText(counts.fp + counts.tn)} others, ${integerText(counts.fp)} are false alarms.`}</p>
    <p class="dim">${sizeNote(record)} The threshold of the model was set without these samples;
      one that is chosen here looks better than it is.</p>
  </div>`;
}

/** How many samples of both classes have each probability, on both sides of the threshold. */
function Split({ record, at }) {
  const [others, positives] = useMemo(() => histograms(record), [record]);
  const most = Math.max(...others, ...positives, 1);
  const size = (count) => (count ? Math.max(2, 44 * Math.log1p(count) / Math.log1p(most)) : 0);
  return html`<svg class="split" viewBox="0 0 400 104" role="img" preserveAspectRatio="none"
      aria-label=${`probabilities of ${record.positive}: its samples above, the others below`}>
    ${positives.map((count, bin) => html`<rect class="stroke-1" x=${bin * 10} width="9" y=${50 - size(count)} height=${size(count)} />`)}
    ${others.map((count, bin) => html`<rect class="stroke-0" x=${bin * 10} width="9" y="54" height=${size(count)} />`)}
    <line class="level" x1=${400 * at} x2=${400 * at} y1="0" y2="104" />
  </svg>
  <p class="legend"><span><i class="swatch stroke-1" /> ${record.positive}, above</span>
    <span><i class="swatch stroke-0" /> others, below</span><span>probability from 0 to 1; heights on a log scale</span></p>`;
}

function histograms(record) {
  const bins = [new Array(BINS).fill(0), new Array(BINS).fill(0)];
  record.probabilities.forEach((value, sample) => {
    const bin = Math.min(BINS - 1, Math.floor(value * BINS));
    bins[Number(record.targets[sample])][bin] += 1;
  });
  return bins;
}

/** True and false positives and negatives at a threshold. */
export function countsAt({ probabilities, targets }, at) {
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  probabilities.forEach((value, sample) => {
    const positive = targets[sample] === "1";
    counts[value >= at ? (positive ? "tp" : "fp") : positive ? "fn" : "tn"] += 1;
  });
  return counts;
}

function ratesOf({ tp, fp, fn, tn }, cost) {
  const ratio = (part, whole) => (whole ? numberText(Number((part / whole).toFixed(4))) : "–");
  const total = tp + fp + fn + tn;
  return [["precision", ratio(tp, tp + fp)], ["recall", ratio(tp, tp + fn)],
    ["F1", ratio(2 * tp, 2 * tp + fp + fn)], ["accuracy", ratio(tp + tn, total)],
    ["cost per 100 samples", numberText((100 * (cost * fn + fp)) / (total || 1), 4)]];
}

/** The threshold with the lowest cost: the middle of the gap where it lies. */
function cheapest({ probabilities, targets }, cost) {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  let now = cost * [...targets].filter((target) => target === "1").length;
  let [best, place] = [now, 1];
  order.forEach((sample, rank) => {
    now += targets[sample] === "1" ? -cost : 1;
    const value = probabilities[sample];
    const next = rank + 1 < order.length ? probabilities[order[rank + 1]] : 0;
    if (now < best && next < value) [best, place] = [now, (value + next) / 2];
  });
  return place;
}

function sizeNote({ probabilities, total }) {
  return probabilities.length < total
    ? `${integerText(probabilities.length)} of the ${integerText(total)} evaluated samples are counted.`
    : `All ${integerText(total)} evaluated samples are counted.`;
}
