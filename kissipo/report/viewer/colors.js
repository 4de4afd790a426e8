/** Scales: which color a number has. A scale fits the quantity and says its ends. */

// one hue from the page's background to a dark or light end, and two hues around zero
const ONE = { light: [[247, 251, 255], [107, 174, 214], [8, 69, 148]],
  dark: [[24, 30, 38], [46, 116, 176], [190, 225, 255]] };
const WARM = { light: [[255, 255, 255], [239, 138, 98], [140, 13, 37]],
  dark: [[30, 32, 36], [200, 96, 70], [255, 214, 190]] };
const COLD = { light: [[255, 255, 255], [103, 169, 207], [5, 48, 97]],
  dark: [[30, 32, 36], [66, 134, 196], [198, 226, 255]] };
const NOT_A_NUMBER = [255, 214, 0];
const HIDDEN = [150, 150, 150];
const STEPS = 255;

/** Whether the page is shown in dark colors. */
export function isDark() {
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/**
 * The scale of numbers.
 *
 * low, high:  the ends
 * signed:     two hues around zero, else one hue
 * note:       what the ends mean, such as "0 closed, 1 open"
 */
export class Scale {
  constructor(low, high, signed, note = "") {
    this.low = low;
    this.high = high;
    this.signed = signed;
    this.note = note;
    this.table = null;
    this.dark = null;
    this.missing = NOT_A_NUMBER;
  }

  /** The color [red, green, blue] of a value. */
  color(value) {
    if (!Number.isFinite(value)) return this.missing;
    const table = this.colors();
    const share = (value - this.low) / (this.high - this.low || 1);
    return table[Math.round(Math.min(1, Math.max(0, share)) * STEPS)];
  }

  /** All colors from low to high, for the bar beside a map. */
  colors() {
    const dark = isDark();
    if (this.table === null || this.dark !== dark) {
      this.dark = dark;
      this.table = Array.from({ length: STEPS + 1 }, (_, step) => this.mixed(step / STEPS));
    }
    return this.table;
  }

  mixed(share) {
    const theme = isDark() ? "dark" : "light";
    if (!this.signed) return between(ONE[theme], share);
    const value = 2 * share - 1;
    return between((value >= 0 ? WARM : COLD)[theme], Math.abs(value));
  }
}

function between(stops, share) {
  const place = share * (stops.length - 1);
  const first = Math.min(stops.length - 2, Math.floor(place));
  const rest = place - first;
  return stops[first].map((from, part) =>
    Math.round(from + rest * (stops[first + 1][part] - from)));
}

/** The scale of values between 0 and 1: gates and probabilities. */
export function shareScale(note = "") {
  return new Scale(0, 1, false, note);
}

/** The scale of shares of which some are hidden by a mask: they are NaN, and gray. */
export function maskedScale() {
  const scale = new Scale(0, 1, false, "gray: hidden by the mask");
  scale.missing = HIDDEN;
  return scale;
}

/** The scale that fits the values: around zero if any is negative, else from zero. */
export function fittingScale(data) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return new Scale(0, 1, false);
  if (low >= 0) return new Scale(0, high || 1, false);
  const size = Math.max(-low, high);
  return new Scale(-size, size, true);
}

/** A color as CSS. */
export function css(color) {
  return `rgb(${color[0]} ${color[1]} ${color[2]})`;
}
