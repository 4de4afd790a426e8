import { canExplain, explainTensor } from "./operations.js";
import { Tensor } from "./tensor.js";

const KINDS = { float32: Float32Array, int32: Int32Array };

/** A source whose numbers are texts in base64. */
function sourceOf({ trace, numbers }) {
  const tensors = new Map();
  const read = (key) => {
    const { shape, axes } = trace.tensors[key];
    const [dtype, text] = numbers[key];
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Tensor(key, shape, axes, new KINDS[dtype](bytes.buffer));
  };
  const tensor = (key) => {
    if (!tensors.has(key)) tensors.set(key, key in numbers ? read(key) : null);
    return tensors.get(key);
  };
  return { content: { trace }, tensor, about: (key) => trace.tensors[key] };
}

/** For every cell [trace, key, index]: result, largest, error, number of parts. */
function answers({ traces, cells }) {
  const sources = {};
  const withoutRule = {};
  for (const [name, content] of Object.entries(traces)) {
    sources[name] = sourceOf(content);
    const unknown = content.trace.operations.filter((each) => !canExplain(each.name));
    if (unknown.length) withoutRule[name] = unknown.map((each) => each.name);
  }
  const answer = ([name, key, index]) => {
    try {
      const { result, largest, parts } = explainTensor(key, index, sources[name]);
      return [String(result), largest, "", parts.length];
    } catch (error) {
      return ["NaN", 0, `${error.constructor.name}: ${error.message}`, 0];
    }
  };
  return { answers: cells.map(answer), withoutRule };
}
