/** What drawings share: the width of their place, the theme of the page, a pen, the ends of an axis. */

const NARROW = 160; // pixels that a drawing has at least

/** Reports the width of an element, now and whenever it changes; returns how to stop. */
export function watchWidth(element, setWidth) {
  const measure = () => setWidth(Math.max(NARROW, element.clientWidth));
  measure();
  const observer = new ResizeObserver(measure);
  observer.observe(element);
  return () => observer.disconnect();
}

/** Calls `change` whenever the page becomes dark or light; returns how to stop. */
export function watchTheme(change) {
  const theme = window.matchMedia("(prefers-color-scheme: dark)");
  theme.addEventListener("change", change);
  return () => theme.removeEventListener("change", change);
}

/** A pen on an empty canvas of this size; one unit is one pixel of the page. */
export function penOf(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const pen = canvas.getContext("2d");
  pen.scale(density, density);
  return pen;
}

/** The lowest and the highest of many values. */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
