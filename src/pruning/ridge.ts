/** Adds λ = share · trace(G) / n to the diagonal of G [n, n], in place, and returns λ. */
export function addRidge(second: Float64Array, n: number, share: number): number {
  let trace = 0;
  for (let k = 0; k < n; k++) trace += second[k * n + k]!;
  const lambda = share * trace / n;
  for (let k = 0; k < n; k++) second[k * n + k]! += lambda;
  return lambda;
}
