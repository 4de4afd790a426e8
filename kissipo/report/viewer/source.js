/** Source: what the page shows. Here it stands in the page; the views know only this interface. */

import { Tensor, sizeOf } from "./tensor.js";

const BYTES = { float32: 4, int32: 4, shades: 1 };
const MOST = 127; // the strongest shade of a tensor that is stored as shades

/**
 * The content of a page.
 *
 * content:  title, subtitle, view and the fields of the view
 */
export class Source {
  constructor(content, block, entries) {
    this.content = content;
    this.block = block;
    this.entries = entries;
    this.tensors = new Map();
  }

  /** What the trace says of a tensor: axes, shape, statistics. */
  about(key) {
    return this.entries[key];
  }

  /** The numbers of a tensor; null where they are not in the page. */
  tensor(key) {
    if (!this.tensors.has(key)) this.tensors.set(key, this.exact(key));
    return this.tensors.get(key);
  }

  exact(key) {
    const entry = this.entries[key];
    if (!entry || (entry.form !== "float32" && entry.form !== "int32")) return null;
    const bytes = this.bytes(entry);
    const data = entry.form === "int32" ? new Int32Array(bytes) : new Float32Array(bytes);
    const rows = entry.rows ? new Map(entry.rows.map((row, place) => [row, place])) : null;
    return new Tensor(key, entry.shape, entry.axes, data, rows);
  }

  /**
   * The tensor for a drawing: exact, or from shades of one byte and as means of blocks.
   * Returns {tensor, stride, exact}, or null where only statistics are in the page.
   */
  drawing(key) {
    const tensor = this.tensor(key);
    if (tensor) return tensor.rows ? null : { tensor, stride: 1, exact: true };
    const entry = this.entries[key];
    if (!entry || entry.form !== "shades") return null;
    const shades = new Int8Array(this.bytes(entry));
    const shape = entry.shape_of_shades;
    const data = new Float32Array(sizeOf(shape));
    for (let place = 0; place < data.length; place++) {
      const shade = shades[place];
      data[place] = shade < -MOST ? NaN : (shade / MOST) * entry.maximum;
    }
    const axes = entry.axes.slice(-shape.length);
    return { tensor: new Tensor(key, shape, axes, data), stride: entry.stride, exact: false };
  }

  /** The bytes of a tensor; they are stored by planes: all first bytes, then all second ones. */
  bytes(entry) {
    const width = BYTES[entry.form];
    const count = entry.bytes / width;
    if (width === 1) return this.block.slice(entry.start, entry.start + entry.bytes).buffer;
    const bytes = new Uint8Array(entry.bytes);
    for (let plane = 0; plane < width; plane++) {
      const start = entry.start + plane * count;
      for (let place = 0; place < count; place++) {
        bytes[place * width + plane] = this.block[start + place];
      }
    }
    return bytes.buffer;
  }
}

/** Reads the source that stands in the page. */
export async function openSource() {
  const content = JSON.parse(document.getElementById("content").textContent);
  const packed = document.getElementById("numbers").textContent;
  const block = packed ? await inflated(decoded(packed)) : new Uint8Array();
  return new Source(content, block, content.trace ? content.trace.tensors : {});
}

/** The source of one of the x-rays that stand in a report; all of them share its numbers. */
export function sourceOf(report, { trace }, run) {
  return new Source({ trace, run }, report.block, trace.tensors);
}

/** The bytes of a compressed text. */
export async function unpacked(packed) {
  return inflated(decoded(packed));
}

function decoded(packed) {
  const text = atob(packed);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < bytes.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
