/**
 * Operations with windows: convolution, transposed convolution, pooling, interpolation.
 *
 * convolution   y[f, p] = b[f] + sum over c, k of w[f, c, k] x[c, p stride + k dilation - padding]
 * transposed    y[f, p] = b[f] + sum over c, k of w[c, f, k] x[c, q]
 *               q = (p + padding - k dilation) / stride, where that is an integer
 * adaptive      windows floor(p n / m) to ceil((p + 1) n / m) of n inputs for m outputs
 */

import { UnknownOperation, asNumber, biasOf, everyIndex, explained } from "./operations_call.js";
import { moved, perAxis, plain, range, stepped, term, weighted } from "./operations_call.js";

/** The rules by the names of torch. */
export const windowRules = {
  ...named(["conv1d", "conv2d", "conv3d"], convolution),
  ...named(["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"], transposed),
  ...named(["max_pool1d", "max_pool2d", "max_pool3d"], (call) => maximum(call, maxWindow(call))),
  ...named(["max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices"],
    (call) => maximum(call, maxWindow(call))),
  ...named(["avg_pool1d", "avg_pool2d", "avg_pool3d"], mean),
  ...named(["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"], adaptiveMean),
  ...named(["adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d_with_indices"], (call) => maximum(call, adaptiveWindow(call))),
  interpolate,
  upsample: interpolate,
  grid_sample: gridSample,
  local_response_norm: localResponse,
};

function named(names, rule) {
  return Object.fromEntries(names.map((name) => [name, rule]));
}

function convolution(call) {
  const [x, w, b] = [call.key(0, "input"), call.key(1, "weight"), call.key(2, "bias")];
  const [filters, perGroup, ...kernel] = call.shape(w);
  const axes = kernel.length;
  const { lead, channel: filter, where } = split(call.index, axes);
  const sides = call.shape(x).slice(-axes);
  const stride = perAxis(call.argument(3, "stride", 1), axes);
  const apart = perAxis(call.argument(5, "dilation", 1), axes);
  const padding = paddings(call.argument(4, "padding", 0), kernel, apart);
  const group = Math.floor(filter / (filters / call.argument(6, "groups", 1)));
  const taps = kernel.map((size, axis) =>
    range(size)
      .map((k) => [k, where[axis] * stride[axis] + k * apart[axis] - padding[axis]])
      .filter(([, place]) => place >= 0 && place < sides[axis]),
  );
  const terms = [];
  for (let c = 0; c < perGroup; c++) {
    for (const tap of everyIndex(taps)) {
      const place = [...lead, group * perGroup + c, ...tap.map(([, place]) => place)];
      const own = [filter, c, ...tap.map(([k]) => k)];
      terms.push(weighted(call.read(x, place), call.read(w, own)));
    }
  }
  const zeros = perGroup * product(kernel) - terms.length;
  const formula = `b + sum of w · x${zeros ? `; ${zeros} weights meet zero padding` : ""}`;
  return explained(call.name, formula, { terms, ...biasOf(call, b, [filter]) });
}

function transposed(call) {
  const [x, w, b] = [call.key(0, "input"), call.key(1, "weight"), call.key(2, "bias")];
  const [inputs, perGroup, ...kernel] = call.shape(w);
  const axes = kernel.length;
  const { lead, channel: filter, where } = split(call.index, axes);
  const sides = call.shape(x).slice(-axes);
  const stride = perAxis(call.argument(3, "stride", 1), axes);
  const padding = perAxis(call.argument(4, "padding", 0), axes);
  const apart = perAxis(call.argument(7, "dilation", 1), axes);
  const [group, own] = [Math.floor(filter / perGroup), filter % perGroup];
  const channels = inputs / call.argument(6, "groups", 1);
  const taps = kernel.map((size, axis) =>
    range(size)
      .map((k) => [k, (where[axis] + padding[axis] - k * apart[axis]) / stride[axis]])
      .filter(([, place]) => Number.isInteger(place) && place >= 0 && place < sides[axis]),
  );
  const terms = [];
  for (let c = group * channels; c < (group + 1) * channels; c++) {
    for (const tap of everyIndex(taps)) {
      const place = [...lead, c, ...tap.map(([, place]) => place)];
      const weight = call.read(w, [c, own, ...tap.map(([k]) => k)]);
      terms.push(weighted(call.read(x, place), weight));
    }
  }
  return explained(call.name, "b + sum of w · x", { terms, ...biasOf(call, b, [filter]) });
}

/** The padding before each axis. */
function paddings(padding, kernel, apart) {
  if (padding === "valid") return kernel.map(() => 0);
  if (padding === "same") {
    return kernel.map((size, axis) => Math.floor((apart[axis] * (size - 1)) / 2));
  }
  return perAxis(padding, kernel.length);
}

function split(index, axes) {
  const channel = index.length - axes - 1;
  return { lead: index.slice(0, channel), channel: index[channel], where: index.slice(-axes) };
}

function product(numbers) {
  return numbers.reduce((a, b) => a * b, 1);
}

function axesOf(call) {
  return Number(call.name.match(/(\d)d/)[1]);
}

function maxWindow(call) {
  const axes = axesOf(call);
  const kernel = perAxis(call.argument(1, "kernel_size"), axes);
  const stride = strides(call, kernel);
  const padding = perAxis(call.argument(3, "padding", 0), axes);
  const apart = perAxis(call.argument(4, "dilation", 1), axes);
  const sides = call.shape(call.key(0, "input")).slice(-axes);
  return call.index.slice(-axes).map((place, axis) =>
    range(kernel[axis])
      .map((k) => place * stride[axis] + k * apart[axis] - padding[axis])
      .filter((position) => position >= 0 && position < sides[axis]),
  );
}

function strides(call, kernel) {
  const stride = call.argument(2, "stride");
  const isNone = stride === null || (Array.isArray(stride) && !stride.length);
  return isNone ? kernel : perAxis(stride, kernel.length);
}

function adaptiveWindow(call) {
  const axes = axesOf(call);
  const sides = call.shape(call.key(0, "input")).slice(-axes);
  const parts = call.shape().slice(-axes);
  return call.index.slice(-axes).map((place, axis) => {
    const first = Math.floor((place * sides[axis]) / parts[axis]);
    return range(Math.ceil(((place + 1) * sides[axis]) / parts[axis]) - first, first);
  });
}

function windowTerms(call, lists, weight = 1) {
  const x = call.key(0, "input");
  const lead = call.index.slice(0, call.index.length - lists.length);
  return everyIndex(lists).map((place) => term(call.read(x, [...lead, ...place]), weight));
}

function maximum(call, lists) {
  const terms = windowTerms(call, lists);
  const winner = terms.reduce((best, one) => (one.value > best.value ? one : best));
  if (call.result === 0) {
    const steps = [{ name: `the maximum, ${winner.name}`, value: winner.value }];
    return explained(call.name, "the maximum x", { terms, combine: "maximum", steps });
  }
  const sides = call.shape(call.key(0, "input")).slice(-lists.length);
  const place = winner.source.index.slice(-lists.length);
  const number = place.reduce((sum, position, axis) => sum * sides[axis] + position, 0);
  const step = `the place of the maximum, ${winner.name}`;
  return stepped(call, "the place of the maximum x", terms, number, step);
}

function mean(call) {
  const axes = axesOf(call);
  const kernel = perAxis(call.argument(1, "kernel_size"), axes);
  const stride = strides(call, kernel);
  const padding = perAxis(call.argument(3, "padding", 0), axes);
  const sides = call.shape(call.key(0, "input")).slice(-axes);
  let count = 1;
  const lists = call.index.slice(-axes).map((place, axis) => {
    const first = place * stride[axis] - padding[axis];
    const end = Math.min(first + kernel[axis], sides[axis] + padding[axis]);
    const inside = range(end - first, first).filter((at) => at >= 0 && at < sides[axis]);
    count *= call.argument(5, "count_include_pad", true) ? end - first : inside.length;
    return inside;
  });
  count = call.argument(6, "divisor_override") || count;
  const terms = windowTerms(call, lists, 1 / count);
  return explained(call.name, `sum of x / ${count}`, { terms });
}

function adaptiveMean(call) {
  const lists = adaptiveWindow(call);
  const count = product(lists.map((list) => list.length));
  const terms = windowTerms(call, lists, 1 / count);
  return explained(call.name, `sum of x / ${count}`, { terms });
}

/** Neighbors along one axis, each with its weight; the roundings are those of torch. */
const NEIGHBORS = {
  nearest: (place, scale, side) => [[Math.min(Math.floor(f32(place * scale)), side - 1), 1]],
  "nearest-exact": (place, scale, side) => [
    [Math.min(Math.floor(f32(f32(place + 0.5) * scale)), side - 1), 1],
  ],
  linear: between,
  bilinear: between,
  trilinear: between,
  bicubic: cubic,
};

const f32 = Math.fround;

function interpolate(call) {
  const x = call.key(0, "input");
  const mode = call.argument(3, "mode", "nearest");
  if (!(mode in NEIGHBORS) || call.argument(6, "antialias", false)) {
    throw new UnknownOperation(call.name, `the mode ${mode}`);
  }
  const sides = call.shape(x).slice(2);
  const align = call.argument(4, "align_corners", false) === true;
  const lists = sides.map((side, axis) => {
    const scale = scaleOf(call, axis, side, align);
    return NEIGHBORS[mode](call.index[axis + 2], scale, side, align);
  });
  const terms = everyIndex(lists).map((taps) => {
    const place = [...call.index.slice(0, 2), ...taps.map(([position]) => position)];
    return term(call.read(x, place), product(taps.map(([, weight]) => weight)));
  });
  const formula = mode.startsWith("nearest") ? "the nearest x" : `sum of w · x (${mode})`;
  return explained(call.name, formula, { terms, combine: terms.length > 1 ? "sum" : "same" });
}

function scaleOf(call, axis, side, align) {
  const out = call.shape()[axis + 2];
  if (align) return out > 1 ? f32((side - 1) / (out - 1)) : 0;
  const factor = call.argument(2, "scale_factor");
  const isComputed = factor === null || call.argument(5, "recompute_scale_factor") === true;
  if (isComputed) return f32(side / out);
  const factors = perAxis(factor, call.shape().length - 2);
  return f32(1 / asNumber(factors[axis]));
}

function origin(place, scale, align) {
  return align ? f32(place * scale) : f32(f32(scale * f32(place + 0.5)) - 0.5);
}

function between(place, scale, side, align) {
  const from = Math.max(0, origin(place, scale, align));
  const first = Math.min(Math.floor(from), side - 1);
  const part = Math.min(1, from - first);
  return first + 1 < side ? [[first, 1 - part], [first + 1, part]] : [[first, 1]];
}

function cubic(place, scale, side, align) {
  const from = origin(place, scale, align);
  const first = Math.floor(from);
  const part = from - first;
  const near = (t) => (1.25 * t - 2.25) * t * t + 1;
  const far = (t) => ((-0.75 * t + 3.75) * t - 6) * t + 3;
  const weights = [far(part + 1), near(part), near(1 - part), far(2 - part)];
  const cut = (position) => Math.min(Math.max(position, 0), side - 1);
  return weights.map((weight, number) => [cut(first - 1 + number), weight]);
}

/** The number at a point of a grid, from -1 to 1, between the four nearest cells. */
function gridSample(call) {
  const [x, grid] = [call.key(0, "input"), call.key(1, "grid")];
  const [mode, padding] = [call.argument(2, "mode", "bilinear"), call.argument(3, "padding_mode", "zeros")];
  const sides = call.shape(x).slice(2);
  if (mode !== "bilinear" || padding === "reflection" || sides.length !== 2) {
    throw new UnknownOperation(call.name, `${sides.length} axes, ${mode}, ${padding}`);
  }
  const align = call.argument(4, "align_corners", false) === true;
  const [row, channel, ...where] = call.index;
  const lists = sides.map((side, axis) => {
    const point = f32(call.at(grid, [row, ...where, 1 - axis]) + 1);
    const place = f32(align ? (point / 2) * (side - 1) : f32(f32(point * side) - 1) / 2);
    const from = padding === "border" ? Math.min(Math.max(place, 0), side - 1) : place;
    const first = Math.floor(from);
    return [[first, 1 - (from - first)], [first + 1, from - first]].filter(
      ([position, weight]) => weight > 0 && position >= 0 && position < side);
  });
  const terms = everyIndex(lists).map((taps) => {
    const place = [row, channel, ...taps.map(([position]) => position)];
    return term(call.read(x, place), product(taps.map(([, weight]) => weight)));
  });
  return explained(call.name, "sum of w · x around a point of the grid", { terms });
}

function localResponse(call) {
  const x = call.key(0, "input");
  const size = call.argument(1, "size");
  const alpha = call.number(2, "alpha", 1e-4);
  const [beta, k] = [call.number(3, "beta", 0.75), call.number(4, "k", 1)];
  const first = call.index[1] - Math.floor(size / 2);
  const channels = range(size, first).filter((at) => at >= 0 && at < call.shape(x)[1]);
  const terms = channels.map((channel) => {
    const part = call.read(x, moved(call.index, 1, channel));
    return term(part, part.value, part.source);
  });
  const squares = terms.reduce((sum, one) => sum + one.product, 0);
  const by = (k + (alpha / size) * squares) ** beta;
  const own = call.at(x, call.index);
  const steps = [
    { name: "sum of squares", value: squares },
    { name: `(${plain(k)} + ${plain(alpha)} / ${size} · sum) ** ${plain(beta)}`, value: by },
    { name: "x", value: own },
    { name: "x / that", value: own / by },
  ];
  const formula = "x / (k + alpha / n · sum of squares of neighboring channels) ** beta";
  return explained(call.name, formula, { terms, steps });
}
