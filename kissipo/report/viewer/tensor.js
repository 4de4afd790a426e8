/** Tensors: their numbers, shapes and axes, and the way from an index to a place in memory. */

/** The place of an index in row-major memory. */
export function ravel(index, shape) {
  let place = 0;
  for (let axis = 0; axis < shape.length; axis++) place = place * shape[axis] + index[axis];
  return place;
}

/** The index of a place in row-major memory. */
export function unravel(place, shape) {
  const index = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = place % shape[axis];
    place = Math.floor(place / shape[axis]);
  }
  return index;
}

/** The number of values of a shape. */
export function sizeOf(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/**
 * A tensor with named axes.
 *
 * rows:  of an embedding the stored rows: a map from the row to where it is stored; else null
 */
export class Tensor {
  constructor(key, shape, axes, data, rows = null) {
    this.key = key;
    this.shape = shape;
    this.axes = axes;
    this.data = data;
    this.rows = rows;
  }

  get size() {
    return sizeOf(this.shape);
  }

  /** The value at an index; undefined where its row is not stored. */
  at(index) {
    if (this.rows === null) return this.data[ravel(index, this.shape)];
    const row = this.rows.get(index[0]);
    return row === undefined ? undefined : this.data[ravel([row, ...index.slice(1)], this.shape)];
  }

  /** The value at a place in row-major memory. */
  flat(place) {
    return this.rows === null ? this.data[place] : this.at(unravel(place, this.shape));
  }
}
