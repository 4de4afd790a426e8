/** Indexing as torch does it: integers, slices, new axes, ellipses, and tensors of positions. */

import { everyIndex, keyOf, range, spread } from "./operations_call.js";

/**
 * What `x[items]` reads.
 *
 * Returns {shape, at}: the shape of the result, and the index in x of an index of the result.
 */
export function pick(call, items, shape) {
  const entries = [];
  const fixed = [];
  let axis = 0;
  for (const item of complete(call, items, shape)) {
    const read = entryOf(call, item, axis, shape);
    if ("fixed" in read) fixed.push([axis, read.fixed]);
    else entries.push(read);
    axis += read.axes ?? 1;
  }
  const far = entries.filter((entry) => entry.kind === "tensors");
  const wide = far.reduce((all, entry) => broadcast(all, entry.shape), []);
  const first = entries.findIndex((entry) => entry.kind === "tensors");
  const isTogether = far.every((_, number) => entries[first + number].kind === "tensors");
  const others = entries.filter((entry) => entry.kind !== "tensors");
  const start = !far.length ? others.length : isTogether ? first : 0;
  const sides = others.map((entry) => entry.side);
  const at = (index) => {
    const place = [];
    fixed.forEach(([axis, position]) => (place[axis] = position));
    const own = [...index.slice(0, start), ...index.slice(start + wide.length)];
    others.forEach((entry, number) => {
      if (entry.kind === "slice") place[entry.axis] = entry.start + own[number] * entry.step;
    });
    const where = index.slice(start, start + wide.length);
    far.forEach((entry) =>
      entry.read(spread(where, entry.shape)).forEach((position, number) => {
        const side = shape[entry.axis + number];
        place[entry.axis + number] = position < 0 ? position + side : position;
      }),
    );
    return place;
  };
  return { shape: [...sides.slice(0, start), ...wide, ...sides.slice(start)], at };
}

/** The index of the result that reads a cell of x, the last one if several do; or null. */
export function isWritten(picked, cell) {
  const found = everyIndex(picked.shape.map((side) => range(side))).filter((index) =>
    picked.at(index).every((position, axis) => position === cell[axis]),
  );
  return found.length ? found.at(-1) : null;
}

/** The items with slices in place of an ellipsis, or after the last item. */
function complete(call, items, shape) {
  const isEllipsis = (item) => item !== null && typeof item === "object" && item.ellipsis === true;
  const used = items.reduce(
    (sum, item) => sum + (item === null || isEllipsis(item) ? 0 : axesOf(call, item)),
    0,
  );
  const rest = Array(Math.max(0, shape.length - used)).fill({ slice: [null, null, null] });
  if (!items.some(isEllipsis)) return [...items, ...rest];
  return items.flatMap((item) => (isEllipsis(item) ? rest : [item]));
}

function axesOf(call, item) {
  const key = keyOf(item);
  if (key === null) return typeof item === "boolean" ? 0 : 1;
  return isMask(call, key) ? call.shape(key).length : 1;
}

function isMask(call, key) {
  return call.dtype(key) === "bool" || call.dtype(key) === "uint8";
}

function entryOf(call, item, axis, shape) {
  if (item === null) return { kind: "new", side: 1, axes: 0 };
  if (typeof item === "boolean") return { kind: "new", side: item ? 1 : 0, axes: 0 };
  if (typeof item === "number") return { fixed: item < 0 ? item + shape[axis] : item };
  if (Array.isArray(item)) return ofList(item, axis);
  const key = keyOf(item);
  if (key !== null) return ofTensor(call, key, axis);
  return ofSlice(call, item.slice, axis, shape[axis]);
}

function ofSlice(call, bounds, axis, side) {
  const [first, last, by] = bounds.map((bound) =>
    keyOf(bound) === null ? bound : call.at(keyOf(bound), []),
  );
  const cut = (bound) => Math.min(Math.max(bound < 0 ? bound + side : bound, 0), side);
  const [start, stop, step] = [cut(first ?? 0), cut(last ?? side), by ?? 1];
  return { kind: "slice", axis, start, step, side: Math.max(0, Math.ceil((stop - start) / step)) };
}

function ofList(item, axis) {
  const isMask = item.every((each) => typeof each === "boolean");
  const positions = isMask ? range(item.length).filter((at) => item[at]) : item;
  return { kind: "tensors", axis, shape: [positions.length], read: ([at]) => [positions[at]] };
}

function ofTensor(call, key, axis) {
  const shape = call.shape(key);
  if (isMask(call, key)) {
    const places = everyIndex(shape.map((side) => range(side))).filter((at) => call.at(key, at));
    const read = ([at]) => places[at];
    return { kind: "tensors", axis, axes: shape.length, shape: [places.length], read };
  }
  if (!shape.length) return { fixed: call.at(key, []) };
  return { kind: "tensors", axis, shape, read: (index) => [call.at(key, index)] };
}

function broadcast(one, other) {
  const count = Math.max(one.length, other.length);
  return range(count).map((axis) => {
    const side = one[axis - count + one.length] ?? 1;
    return side === 1 ? (other[axis - count + other.length] ?? 1) : side;
  });
}
