/**
 * The density after a cycle, by the cubic schedule of Zhu & Gupta (2017): s(t) = s_f + (s_i − s_f)(1 − t/n)³ for the
 * sparsity, fast while there is much to spare and slow towards the end.
 * @param cycle 0 gives `start`; `cycles` and later give `final`
 * @param final wanted density, 0 to 1
 * @param start density before the first cycle
 */
export function densityOf(cycle: number, cycles: number, final: number, start = 1): number {
  if (cycle >= cycles) return final;
  return final + (start - final) * (1 - Math.max(0, cycle) / cycles) ** 3;
}
