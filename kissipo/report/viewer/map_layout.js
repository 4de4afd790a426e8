/** Layout: where each number of a tensor stands in its map. */

const STRIP = 64; // numbers in a row of a vector
const GAP = 1; // cells between two planes
const LONG = 512; // rows above which a narrow table lies on its side

/** The shape and axes of one sample: without the batch and without axes of length one. */
export function sampleOf(tensor) {
  const { shape, axes } = tensor;
  const all = shape.map((_, axis) => axis).filter((axis) => axes[axis] !== "batch");
  const long = all.filter((axis) => shape[axis] > 1);
  const keep = long.length ? long : all.slice(-1);
  return { shape: keep.map((axis) => shape[axis]), axes: keep.map((axis) => axes[axis]), keep };
}

/** The index in the tensor of an index in the sample; the first sample of the batch. */
export function wholeIndex(tensor, index) {
  const whole = new Array(tensor.shape.length).fill(0);
  sampleOf(tensor).keep.forEach((axis, place) => {
    whole[axis] = index[place];
  });
  return whole;
}

/** The index in the sample of an index in the tensor. */
export function sampleIndex(tensor, whole) {
  return sampleOf(tensor).keep.map((axis) => whole[axis]);
}

/**
 * The layout of a sample: planes of rows and columns.
 *
 * rowAxis, columnAxis:  the axes of the sample of the rows and of the columns; -1 where there is none
 * most:                 the number of planes that are shown
 * room:                 the pixels for the map, which decide how many planes stand side by side
 */
export function layoutOf(shape, axes, most = 64, room = { width: 600, height: 300 }) {
  if (shape.length <= 1) return strip(shape.length ? shape[0] : 1, shape.length);
  if (shape.length === 2) return plane(shape, axes);
  return planes(shape, most, room);
}

function strip(count, dimensions) {
  const columns = Math.min(count, STRIP);
  const rows = Math.ceil(count / columns);
  return {
    rows, columns, width: columns, height: rows, planes: 1, hidden: 0,
    rowAxis: -1, columnAxis: dimensions ? 0 : -1,
    place: (index) => {
      const number = dimensions ? index[0] : 0;
      return { x: number % columns, y: Math.floor(number / columns) };
    },
    index: (x, y) => {
      const number = y * columns + x;
      if (x >= columns || number >= count) return null;
      return dimensions ? [number] : [];
    },
  };
}

function plane(shape, axes) {
  const isLong = shape[0] > LONG && shape[0] > 16 * shape[1]; // such as the candidates of a detector
  const turned = axes[0] === "time" || isLong; // from left to right
  const [rowAxis, columnAxis] = turned ? [1, 0] : [0, 1];
  const [rows, columns] = [shape[rowAxis], shape[columnAxis]];
  return {
    rows, columns, width: columns, height: rows, planes: 1, hidden: 0, rowAxis, columnAxis,
    place: (index) => ({ x: index[columnAxis], y: index[rowAxis] }),
    index: (x, y) => {
      if (x >= columns || y >= rows) return null;
      return turned ? [x, y] : [y, x];
    },
  };
}

function planes(shape, most, room) {
  const [rows, columns] = shape.slice(-2);
  const lead = shape.slice(0, -2);
  const all = lead.reduce((product, side) => product * side, 1);
  const shown = Math.min(all, most);
  const across = acrossOf(shown, rows, columns, room);
  const down = Math.ceil(shown / across);
  const number = (index) => lead.reduce((place, side, axis) => place * side + index[axis], 0);
  const leading = (place) => {
    const index = new Array(lead.length);
    for (let axis = lead.length - 1; axis >= 0; axis--) {
      index[axis] = place % lead[axis];
      place = Math.floor(place / lead[axis]);
    }
    return index;
  };
  return {
    rows, columns, planes: shown, hidden: all - shown, across,
    width: across * (columns + GAP) - GAP, height: down * (rows + GAP) - GAP,
    rowAxis: shape.length - 2, columnAxis: shape.length - 1,
    place: (index) => {
      const place = number(index);
      if (place >= shown) return null;
      return {
        x: (place % across) * (columns + GAP) + index[index.length - 1],
        y: Math.floor(place / across) * (rows + GAP) + index[index.length - 2],
      };
    },
    index: (x, y) => {
      const [column, row] = [x % (columns + GAP), y % (rows + GAP)];
      const place = Math.floor(y / (rows + GAP)) * across + Math.floor(x / (columns + GAP));
      if (column >= columns || row >= rows || place >= shown || x >= across * (columns + GAP)) {
        return null;
      }
      return [...leading(place), row, column];
    },
  };
}

/** The number of planes side by side with which they are drawn largest. */
function acrossOf(count, rows, columns, room) {
  let [best, largest] = [1, 0];
  for (let across = 1; across <= count; across++) {
    const down = Math.ceil(count / across);
    const side = Math.min(room.width / (across * (columns + GAP)), room.height / (down * (rows + GAP)));
    const filled = count / (across * down); // an empty place is worth less
    if (side * Math.sqrt(filled) > largest) [best, largest] = [across, side * Math.sqrt(filled)];
  }
  return best;
}
