/** How strongly each row weighs each column, such as an attention, with names on both axes. */

import { html, useMemo } from "./vendor/preact.js";
import { maskedScale, shareScale } from "./colors.js";
import { HeatMap } from "./heat_map.js";
import { Tensor } from "./tensor.js";

/** The map of a record of weights. */
export function WeightsMap({ record }) {
  const { name, rows, columns, values, row_name: down, column_name: across } = record;
  const drawing = useMemo(() => {
    const data = Float32Array.from(values.flat(), (value) => value ?? NaN);
    return { tensor: new Tensor("", [rows.length, columns.length], [down, across], data), stride: 1, exact: true };
  }, [record]);
  const isMasked = values.some((row) => row.includes(null));
  const scale = useMemo(() => (isMasked ? maskedScale() : shareScale()), [isMasked]);
  return html`<${HeatMap} drawing=${drawing} name=${name} labels=${{ [down]: rows, [across]: columns }} scale=${scale} />`;
}
