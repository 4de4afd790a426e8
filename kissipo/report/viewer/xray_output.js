/** The output: the steps from the net's numbers to the answer, beside the target. */

import { html, useMemo } from "./vendor/preact.js";
import { Bars } from "./bars.js";
import { HeatMap } from "./heat_map.js";
import { LineChart } from "./line_chart.js";
import { seriesOf } from "./xray_input.js";
import { Steps } from "./xray_steps.js";
import { numberText, percentText, visible, withoutProbability } from "./text.js";

/** The answer, the target and the steps of decoding. */
export function OutputCard({ source, trace, labels }) {
  const steps = trace.steps.filter((step) => step.stage === "output");
  return html`<${Answer} trace=${trace} />
    ${trace.top.length > 0 && html`<${NextTokens} guesses=${trace.top[trace.top.length - 1]} />`}
    <${Forecast} trace=${trace} source=${source} />
    ${steps.length === 0 && trace.answers.slice(0, 2).map((key) => source.drawing(key) && html`<${HeatMap}
      drawing=${source.drawing(key)} name=${`output ${key}`} labels=${labels} tall=${160} />`)}
    <${Steps} source=${source} trace=${trace} steps=${steps} labels=${labels} />`;
}

function Answer({ trace }) {
  const { answer, truth } = trace;
  if (!answer && !truth) return null;
  const right = isRight(answer, truth);
  return html`<p class=${`answer ${right === true ? "better" : right === false ? "worse" : ""}`}>
    ${answer && html`<span>answer <b>${visible(answerText(answer))}</b></span>`}
    ${truth && html`<span>target <b>${visible(answerText(truth))}</b></span>`}
    ${right !== null && html`<span>${right ? "✓ right" : "✗ wrong"}</span>`}
    ${offText(answer, truth)}
  </p>`;
}

/** Whether the answer is the target; null for numbers or without a target. */
export function isRight(answer, truth) {
  if (!answer || !truth) return null;
  const plain = withoutProbability(answer);
  const sure = plain !== answer;
  if (!sure && Number.isFinite(Number(answer)) && Number.isFinite(Number(truth))) return null;
  return plain === truth;
}

function answerText(text) {
  return text !== "" && Number.isFinite(Number(text)) ? numberText(Number(text)) : text;
}

function offText(answer, truth) {
  const [one, other] = [Number(answer), Number(truth)];
  if (!answer || !truth || !Number.isFinite(one) || !Number.isFinite(other) || isRight(answer, truth) !== null) {
    return "";
  }
  return html`<span>off by ${numberText(Math.abs(one - other), 3)}</span>`;
}

function NextTokens({ guesses }) {
  return html`<h3>What comes next</h3><${Bars} values=${guesses.map((guess) => guess.probability)}
    names=${guesses.map((guess) => guess.unit)} text=${percentText} size=${(share) => share} />`;
}

/** The window of a series with the forecast and the true value behind it. */
function Forecast({ trace, source }) {
  const given = trace.raw_inputs?.[0];
  const step = trace.steps.find((item) => item.name === "forecast" && item.tensor);
  const chart = useMemo(() => forecastOf(given, step, source, trace), [given, step]);
  if (!chart) return null;
  return html`<${LineChart} ...${chart} height=${200} name="forecast" xLabel="step" />`;
}

function forecastOf(given, step, source, trace) {
  if (!given || !step || Object.keys(given.columns).length !== 1) return null;
  const forecast = source.tensor(step.tensor);
  if (!forecast) return null;
  const { series } = seriesOf(given);
  const before = series[0].values;
  const ahead = Array.from(forecast.data);
  const truth = trace.truth ? trace.truth.split(", ").map(Number) : [];
  const count = before.length + ahead.length;
  const fill = (values, start) => Array.from({ length: count }, (_, place) => values[place - start] ?? null);
  const last = before[before.length - 1];
  const lines = [
    { name: series[0].name, values: fill(before, 0) },
    { name: "forecast", values: fill([last, ...ahead], before.length - 1), color: "--series-2", dash: [6, 4] },
  ];
  if (truth.length) lines.push({ name: "target", values: fill(truth, before.length), color: "--series-3", dots: true });
  return { x: Array.from({ length: count }, (_, place) => place + 1), series: lines };
}
