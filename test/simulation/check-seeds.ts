/** Runs seeds and says what did not hold, each with the command that runs it again. */
import { reproduceWith } from '../../src/cli/simulate.ts';
import { ALPHA } from '../../src/cli/simulate/plan.ts';
import type { RunResult } from '../../src/cli/simulate/run.ts';
import { runSeed } from '../../src/cli/simulate/run.ts';
import { wrongMax } from '../../src/cli/simulate/verdict.ts';

export interface Checked { readonly results: readonly RunResult[]; readonly failures: readonly string[] }

export async function checkSeeds(first: number, count: number): Promise<Checked> {
  const results: RunResult[] = [], failures: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const result = await runSeed(seed);
    results.push(result);
    if (result.violations.length > 0) failures.push(`${reproduceWith(seed)}: ${result.violations.join('; ')}`);
  }
  const wrong = results.filter((result) => result.wrong).map(({ seed }) => seed);
  if (wrong.length > wrongMax(count, ALPHA)) failures.push(`the seeds ${wrong.join()} certified a candidate worse than the margin; chance explains ${wrongMax(count, ALPHA)}`);
  return { results, failures };
}
