/** A unit's unknowns in one system: where its weights are in a layer, and where the moments have what they multiply. */
import type { LayerMask, LayerShape, LayerWeights } from '../model/shape.ts';
import type { Design } from './least-squares.ts';
import { gather } from './least-squares.ts';
import type { System } from './systems.ts';

/** E[r], E[r0] and E[r r0] of a unit, from the matrix of which the rows belong to a and the columns to a0. */
export const resetsOf = ({ reset }: System, matrix: Float64Array, size: number, at: number) =>
  ({ rows: reset ? matrix[at * size + size - 1]! : 1, columns: reset ? matrix[(size - 1) * size + at]! : 1, both: reset ? matrix[at * size + at]! : 1 });

/** The unknowns of a unit: its alive sources (all, without a mask), the bias, and where r multiplies the state, the bias of that. */
export function designOf({ inputs, units, sources }: LayerShape, { at, reset, gates }: System, mask: LayerMask | null, j: number, size: number): Design {
  const kept: number[] = [];
  for (let k = 0; k < sources; k++) if (mask === null || mask[k * units + j] === 1) kept.push(k);
  const constants = reset ? [size - 1, size - 1] : [size - 1];
  return {
    gates: gates.length,
    kept: Int32Array.from([...kept, ...constants.map(() => -1)]),
    at: Int32Array.from([...kept.map((k) => at[k]!), ...constants]),
    flags: Uint8Array.from([...kept.map((k) => (reset && k >= inputs ? 1 : 0)), ...constants.map((_, n) => n)]),
  };
}

/** The weights of a design, [kept, gates of the system]. Where nothing resets it, the bias of the recurrent product simply adds. */
export function columnsOf({ kernel, bias, recurrentBias }: LayerWeights, { units, gates }: LayerShape, system: System, j: number, { kept, flags }: Design): Float64Array {
  return gather(kept.length, system.gates, (row, gate) => {
    const k = kept[row]!, column = gate * units + j;
    if (k >= 0) return kernel[k * gates * units + column]!;
    if (flags[row] === 1) return recurrentBias?.[column] ?? 0;
    return bias[column]! + (system.reset ? 0 : recurrentBias?.[column] ?? 0);
  });
}

/** Writes solved weights back. */
export function store(layer: LayerWeights, { units, gates }: LayerShape, system: System, j: number, { kept, flags }: Design, solved: Float64Array): void {
  kept.forEach((k, row) => {
    system.gates.forEach((gate, g) => {
      const value = solved[row * system.gates.length + g]!, column = gate * units + j;
      if (k >= 0) layer.kernel[k * gates * units + column] = value;
      else if (flags[row] === 0) layer.bias[column] = value - (system.reset ? 0 : layer.recurrentBias?.[column] ?? 0);
      else if (layer.recurrentBias !== undefined) layer.recurrentBias[column] = value;
    });
  });
}
