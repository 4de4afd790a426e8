/** Operations that only move numbers: every cell comes from one cell, or is filled in. */

import { UnknownOperation, asNumber, axisOf, keyOf, moved } from "./operations_call.js";
import { only, range, spread, stepped, term } from "./operations_call.js";
import { isWritten, pick } from "./operations_index.js";
import { ravel, unravel } from "./tensor.js";

/** The rules by the names of torch. */
export const moveRules = {
  ...withOrigin(
    ["reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "ravel", "reshape_as",
      "view_as"],
    reshaped,
  ),
  ...withOrigin(
    ["contiguous", "clone", "detach", "alias", "identity", "requires_grad_", "cpu", "data",
      "rename", "lift_fresh"],
    (call) => [call.key(0, "input"), call.index],
  ),
  ...withOrigin(["expand", "expand_as", "broadcast_to"], expanded),
  ...withOrigin(["t", "T", "mT", "H", "mH", "adjoint"], swappedLast),
  ...withOrigin(["transpose", "swapaxes", "swapdims"], transposed),
  ...withOrigin(["permute"], permuted),
  ...withOrigin(["movedim", "moveaxis"], withMovedAxis),
  ...withOrigin(["cat", "concat", "concatenate"], concatenated),
  ...withOrigin(["stack"], stacked),
  ...withOrigin(["getitem"], (call) => {
    const key = keyOf(call.args[0]);
    return [key, pick(call, call.args[1], call.shape(key)).at(call.index)];
  }),
  ...withOrigin(["narrow"], (call) => along(call, call.args[1], call.number(2, "start"))),
  ...withOrigin(["select"], selected),
  ...withOrigin(["unbind"], (call) => taken(call, call.argument(1, "dim", 0), call.result)),
  ...withOrigin(["chunk", "tensor_split"], (call) => part(call, chunkSize(call))),
  ...withOrigin(["split", "split_with_sizes"], (call) =>
    part(call, call.argument(1, "split_size_or_sections")),
  ),
  ...withOrigin(["repeat", "tile"], tiled),
  ...withOrigin(["repeat_interleave"], interleaved),
  ...withOrigin(["roll"], rolled),
  ...withOrigin(["flip", "fliplr", "flipud"], flipped),
  ...withOrigin(["index_select"], (call) => {
    const axis = axisOf(call.argument(1, "dim"), call.index.length);
    const position = call.at(call.key(2, "index"), [call.index[axis]]);
    return [call.key(0, "input"), moved(call.index, axis, position)];
  }),
  ...withOrigin(["gather", "take_along_dim"], gathered),
  ...withOrigin(["pixel_shuffle"], shuffled),
  ...withOrigin(["pixel_unshuffle"], unshuffled),
  ...withOrigin(["meshgrid"], onGrid),
  ...withOrigin(["written_over"], writtenOver),
  ...withOrigin(["_pack_padded_sequence"], packed),
  ...withOrigin(["_pad_packed_sequence"], padded),
  ...withOrigin(["pad", "constant_pad_nd"], paddedSides),
  ...withOrigin(["unfold"], unfolded),
  ...withOrigin(["tril"], (call) => triangle(call, (row, column, k) => column <= row + k)),
  ...withOrigin(["triu"], (call) => triangle(call, (row, column, k) => column >= row + k)),
  ...withOrigin(["diagonal"], (call) => onDiagonal(call)),
  ...withOrigin(["setitem"], setItem),
  ...withOrigin(["copy_"], (call) => {
    const key = keyOf(call.args[1]);
    return [key, spread(call.index, call.shape(key))];
  }),
  ...withOrigin(["scatter"], scattered),
};

/** A rule from a function that returns the key and the index of the origin, or a fill value. */
function withOrigin(names, originOf) {
  const rule = (call) => {
    const origin = originOf(call);
    if (!Array.isArray(origin)) return stepped(call, "a fixed value", [], origin, "filled in");
    const [key, index] = origin;
    return only(call, "the same value", term(call.read(key, index)));
  };
  return Object.fromEntries(names.map((name) => [name, rule]));
}

function reshaped(call) {
  const key = call.key(0, "input");
  return [key, unravel(ravel(call.index, call.shape()), call.shape(key))];
}

function expanded(call) {
  const key = call.key(0, "input");
  return [key, spread(call.index, call.shape(key))];
}

function swappedLast(call) {
  const key = call.key(0, "input");
  const index = call.index.slice();
  const last = index.length - 1;
  if (last > 0) [index[last], index[last - 1]] = [index[last - 1], index[last]];
  return [key, index];
}

function transposed(call) {
  const count = call.index.length;
  const one = axisOf(call.args[1] ?? call.words.dim0 ?? call.words.axis0, count);
  const other = axisOf(call.args[2] ?? call.words.dim1 ?? call.words.axis1, count);
  const index = call.index.slice();
  [index[one], index[other]] = [index[other], index[one]];
  return [call.key(0, "input"), index];
}

function permuted(call) {
  const index = [];
  call.integers(1, "dims").forEach((dim, axis) => {
    index[axisOf(dim, call.index.length)] = call.index[axis];
  });
  return [call.key(0, "input"), index];
}

function withMovedAxis(call) {
  const count = call.index.length;
  const ordered = (argument) => [argument].flat().map((dim) => axisOf(dim, count));
  const source = ordered(call.argument(1, "source"));
  const target = ordered(call.argument(2, "destination"));
  const rest = range(count).filter((axis) => !source.includes(axis));
  const free = range(count).filter((axis) => !target.includes(axis));
  const index = [];
  source.forEach((axis, number) => (index[axis] = call.index[target[number]]));
  rest.forEach((axis, number) => (index[axis] = call.index[free[number]]));
  return [call.key(0, "input"), index];
}

function concatenated(call) {
  const axis = axisOf(call.argument(1, "dim", call.words.axis ?? 0), call.index.length);
  let position = call.index[axis];
  const keys = call.argument(0, "tensors").map(keyOf);
  for (const key of keys) {
    const shape = call.shape(key);
    if (shape.length !== call.index.length) continue; // an empty tensor of one axis
    if (position < shape[axis]) return [key, moved(call.index, axis, position)];
    position -= shape[axis];
  }
  throw new UnknownOperation(call.name, "no input has this position");
}

function stacked(call) {
  const axis = axisOf(call.argument(1, "dim", 0), call.index.length);
  const key = keyOf(call.argument(0, "tensors")[call.index[axis]]);
  return [key, call.index.filter((_, number) => number !== axis)];
}

function along(call, dim, start) {
  const axis = axisOf(dim, call.index.length);
  const key = call.key(0, "input");
  const first = start < 0 ? start + call.shape(key)[axis] : start;
  return [key, moved(call.index, axis, call.index[axis] + first)];
}

function selected(call) {
  const position = call.number(2, "index");
  return taken(call, call.argument(1, "dim"), position);
}

/** The index in a tensor of which one position along an axis was taken. */
function taken(call, dim, position) {
  const key = call.key(0, "input");
  const shape = call.shape(key);
  const axis = axisOf(dim, shape.length);
  const index = call.index.slice();
  index.splice(axis, 0, position < 0 ? position + shape[axis] : position);
  return [key, index];
}

function chunkSize(call) {
  const axis = axisOf(call.argument(2, "dim", 0), call.index.length);
  const side = call.shape(call.key(0, "input"))[axis];
  const count = call.argument(1, "chunks");
  if (call.name === "chunk") return Math.ceil(side / count);
  const [small, more] = [Math.floor(side / count), side % count];
  return range(count).map((number) => small + (number < more ? 1 : 0));
}

function part(call, sizes) {
  const number = call.result;
  const first = Array.isArray(sizes)
    ? sizes.slice(0, number).reduce((sum, size) => sum + size, 0)
    : sizes * number;
  return along(call, call.argument(2, "dim", 0), first);
}

function tiled(call) {
  const key = call.key(0, "input");
  const shape = call.shape(key);
  const skip = call.index.length - shape.length;
  return [key, shape.map((side, axis) => call.index[axis + skip] % side)];
}

function interleaved(call) {
  const key = call.key(0, "input");
  const times = call.argument(1, "repeats");
  const dim = call.argument(2, "dim");
  const shape = call.shape(key);
  const axis = dim === null ? 0 : axisOf(dim, shape.length);
  let position = call.index[axis];
  const counts = keyOf(times);
  if (counts === null) position = Math.floor(position / asNumber(times));
  else {
    const many = call.shape(counts);
    let source = 0;
    const count = () => call.at(counts, many.length ? [many[0] === 1 ? 0 : source] : []);
    for (; position >= count(); source++) position -= count();
    position = source;
  }
  return [key, dim === null ? unravel(position, shape) : moved(call.index, axis, position)];
}

function rolled(call) {
  const key = call.key(0, "input");
  const shape = call.shape(key);
  const shifts = [call.argument(1, "shifts")].flat();
  const dims = call.argument(2, "dims");
  if (dims === null || (Array.isArray(dims) && !dims.length)) {
    const size = shape.reduce((a, b) => a * b, 1);
    return [key, unravel(mod(ravel(call.index, shape) - shifts[0], size), shape)];
  }
  const index = call.index.slice();
  [dims].flat().forEach((dim, number) => {
    const axis = axisOf(dim, shape.length);
    index[axis] = mod(index[axis] - shifts[number], shape[axis]);
  });
  return [key, index];
}

function mod(value, by) {
  return ((value % by) + by) % by;
}

function flipped(call) {
  const shape = call.shape();
  const own = { fliplr: [1], flipud: [0] }[call.name];
  const dims = (own || call.integers(1, "dims")).map((dim) => axisOf(dim, shape.length));
  const index = call.index.map((at, axis) => (dims.includes(axis) ? shape[axis] - 1 - at : at));
  return [call.key(0, "input"), index];
}

function gathered(call) {
  const isGather = call.name === "gather";
  const dim = isGather ? call.argument(1, "dim") : call.argument(2, "dim");
  const places = isGather ? call.key(2, "index") : call.key(1, "indices");
  const axis = axisOf(dim, call.index.length);
  const position = call.at(places, spread(call.index, call.shape(places)));
  return [call.key(0, "input"), moved(call.index, axis, position)];
}

function shuffled(call) {
  const r = call.argument(1, "upscale_factor");
  const [c, y, x] = call.index.slice(-3);
  const channel = c * r * r + (y % r) * r + (x % r);
  const place = [channel, Math.floor(y / r), Math.floor(x / r)];
  return [call.key(0, "input"), [...call.index.slice(0, -3), ...place]];
}

function unshuffled(call) {
  const r = call.argument(1, "downscale_factor");
  const [c, y, x] = call.index.slice(-3);
  const rest = c % (r * r);
  const place = [Math.floor(c / (r * r)), y * r + Math.floor(rest / r), x * r + (rest % r)];
  return [call.key(0, "input"), [...call.index.slice(0, -3), ...place]];
}

function onGrid(call) {
  const keys = call.args.flat().map(keyOf);
  const axes = range(keys.length);
  if (call.words.indexing === "xy" && keys.length > 1) [axes[0], axes[1]] = [1, 0];
  const key = keys[call.result];
  return [key, call.shape(key).length ? [call.index[axes[call.result]]] : []];
}

/** A tensor whose memory was overwritten by way of views: the last one that has the place. */
function writtenOver(call) {
  const { layouts } = call.words;
  const [, strides, offset] = layouts[0];
  const memory = call.index.reduce((sum, at, axis) => sum + at * strides[axis], offset);
  for (let number = layouts.length - 1; number >= 0; number--) {
    const index = placeIn(layouts[number], memory);
    if (index !== null) return [keyOf(call.args[number]), index];
  }
  throw new UnknownOperation(call.name, "no part has this place");
}

/** The index of a place in memory in a tensor with strides, or null. */
function placeIn([shape, strides, offset], memory) {
  let rest = memory - offset;
  const index = shape.map(() => 0);
  const order = range(shape.length).sort((a, b) => strides[b] - strides[a]);
  for (const axis of order) {
    if (shape[axis] === 1 || strides[axis] === 0) continue;
    index[axis] = Math.floor(rest / strides[axis]);
    if (index[axis] < 0 || index[axis] >= shape[axis]) return null;
    rest -= index[axis] * strides[axis];
  }
  return rest === 0 ? index : null;
}

/** Packed rows are stored step by step; each step has the sequences that have not ended. */
function packed(call) {
  const [x, lengths] = [call.key(0, "input"), call.key(1, "lengths")];
  const count = call.shape(lengths)[0];
  const active = (step) => range(count).filter((row) => call.at(lengths, [row]) > step).length;
  if (call.result === 1) return active(call.index[0]);
  let [step, row] = [0, call.index[0]];
  for (; row >= active(step); step++) row -= active(step);
  const lead = call.argument(2, "batch_first", false) ? [row, step] : [step, row];
  return [x, [...lead, ...call.index.slice(1)]];
}

function padded(call) {
  const [data, sizes] = [call.key(0, "data"), call.key(1, "batch_sizes")];
  const steps = range(call.shape(sizes)[0]).map((step) => call.at(sizes, [step]));
  if (call.result === 1) return steps.filter((size) => size > call.index[0]).length;
  const isBatchFirst = call.argument(2, "batch_first", false);
  const [row, step] = isBatchFirst ? call.index : [call.index[1], call.index[0]];
  if (step >= steps.length || row >= steps[step]) return call.number(3, "padding_value", 0);
  const before = steps.slice(0, step).reduce((sum, size) => sum + size, 0);
  return [data, [before + row, ...call.index.slice(2)]];
}

function paddedSides(call) {
  const key = call.key(0, "input");
  const shape = call.shape(key);
  const sides = call.argument(1, "pad");
  const mode = call.argument(2, "mode", "constant");
  const index = call.index.slice();
  let isOutside = false;
  for (let number = 0; number < sides.length / 2; number++) {
    const axis = shape.length - 1 - number;
    const at = inside(index[axis] - sides[2 * number], shape[axis], mode);
    isOutside ||= at === null;
    index[axis] = at;
  }
  const value = call.name === "pad" ? call.number(3, "value", 0) : call.number(2, "value", 0);
  return isOutside ? value : [key, index];
}

function inside(position, side, mode) {
  if (position >= 0 && position < side) return position;
  if (mode === "reflect") return position < 0 ? -position : 2 * side - 2 - position;
  if (mode === "replicate") return position < 0 ? 0 : side - 1;
  return mode === "circular" ? mod(position, side) : null;
}

function unfolded(call) {
  const key = call.key(0, "input");
  if ("dilation" in call.words || "kernel_size" in call.words) return imageColumn(call, key);
  const axis = axisOf(call.argument(1, "dimension"), call.shape(key).length);
  const index = call.index.slice(0, -1);
  index[axis] = index[axis] * call.argument(3, "step") + call.index.at(-1);
  return [key, index];
}

/** torch.nn.functional.unfold: every window of an image as one column. */
function imageColumn(call, key) {
  const pair = (argument) => (Array.isArray(argument) ? argument : [argument, argument]);
  const kernel = pair(call.argument(1, "kernel_size"));
  const apart = pair(call.argument(2, "dilation", 1));
  const padding = pair(call.argument(3, "padding", 0));
  const stride = pair(call.argument(4, "stride", 1));
  const sides = call.shape(key).slice(-2);
  const [lead, [row, column]] = [call.index.slice(0, -2), call.index.slice(-2)];
  const [channel, ...tap] = unravel(row, [1, ...kernel].with(0, Infinity));
  const across = sides.map((side, n) =>
    Math.floor((side + 2 * padding[n] - apart[n] * (kernel[n] - 1) - 1) / stride[n] + 1),
  );
  const window = unravel(column, across);
  const place = window.map((at, n) => at * stride[n] + tap[n] * apart[n] - padding[n]);
  if (place.some((at, n) => at < 0 || at >= sides[n])) return 0;
  return [key, [...lead, channel, ...place]];
}

function triangle(call, isKept) {
  const [row, column] = call.index.slice(-2);
  const k = call.number(1, "diagonal", 0);
  return isKept(row, column, k) ? [call.key(0, "input"), call.index] : 0;
}

function onDiagonal(call) {
  const key = call.key(0, "input");
  const count = call.shape(key).length;
  const offset = call.number(1, "offset", 0);
  const [one, other] = [
    axisOf(call.argument(2, "dim1", 0), count),
    axisOf(call.argument(3, "dim2", 1), count),
  ];
  const rest = call.index.slice(0, -1);
  const at = call.index.at(-1);
  const places = { [one]: at + Math.max(0, -offset), [other]: at + Math.max(0, offset) };
  return [key, range(count).map((axis) => (axis in places ? places[axis] : rest.shift()))];
}

function setItem(call) {
  const key = keyOf(call.args[0]);
  const picked = pick(call, call.args[1], call.shape(key));
  const where = isWritten(picked, call.index);
  if (where === null) return [key, call.index];
  const value = keyOf(call.args[2]);
  if (value === null) return asNumber(call.args[2]);
  return [value, spread(where, call.shape(value))];
}

function scattered(call) {
  const [key, places] = [call.key(0, "input"), call.key(2, "index")];
  const axis = axisOf(call.argument(1, "dim"), call.index.length);
  const shape = call.shape(places);
  const isInside = call.index.every((at, number) => number === axis || at < shape[number]);
  const written = isInside
    ? range(shape[axis]).filter(
        (at) => call.at(places, moved(call.index, axis, at)) === call.index[axis],
      )
    : [];
  if (!written.length) return [key, call.index];
  const from = call.argument(3, "src", call.words.value);
  const source = keyOf(from);
  if (source === null) return asNumber(from);
  return [source, moved(call.index, axis, written.at(-1))];
}
