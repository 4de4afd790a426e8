/** Numbers, shapes and signs as text. */

const SIGNS = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
const MINUS = "−";

/** A number with a few digits, with a true minus sign: 0.0123, −4.56, 1.2e−7. */
export function numberText(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return value === Infinity ? "∞" : value === -Infinity ? `${MINUS}∞` : "NaN";
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return integerText(value);
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(digits - 1) : plain(value, digits);
  return text.replaceAll("-", MINUS);
}

/** A whole number with commas between the thousands. */
export function integerText(value) {
  const digits = Math.abs(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  return value < 0 ? MINUS + digits : digits;
}

function plain(value, digits) {
  return String(Number(value.toPrecision(digits)));
}

/** A share as a percentage: 0.9887 is 98.9 %. */
export function percentText(share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${(100 * share).toFixed(share > 0.9995 && share < 1 ? 2 : 1)} %`;
}

/** Bytes in units of 1,000. */
export function bytesText(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${numberText(Number(bytes.toPrecision(3)))} ${units[unit]}`;
}

/** A letter or word with visible blanks and line ends. */
export function visible(text) {
  return SIGNS[text] ?? text;
}

/** The axes of one sample with their lengths: time 36 × unit 15. */
export function shapeText(axes, shape) {
  const sides = [];
  for (let axis = 0; axis < shape.length; axis++) {
    if (axes[axis] === "batch" && shape[axis] === 1) continue;
    const name = axes[axis] && !axes[axis].startsWith("axis ") ? `${axes[axis]} ` : "";
    sides.push(`${name}${integerText(shape[axis])}`);
  }
  return sides.join(" × ") || "one number";
}

/** An answer without its probability: "spam (98.9%)" is "spam". */
export function withoutProbability(answer) {
  return answer.replace(/ \(\d+(\.\d+)?%\)$/, "");
}

/** A noun with its count: 1 step, 2 steps. */
export function counted(count, noun) {
  return `${integerText(count)} ${noun}${count === 1 ? "" : "s"}`;
}
