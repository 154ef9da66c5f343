/** `espalier simulate`: the real line, loop, gate and journal in virtual time, under faults that are drawn from seeds. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { out, talk } from './print.ts';
import type { RunResult } from './simulate/run.ts';
import { wrongMax } from './simulate/verdict.ts';

interface SimulateOptions {
  readonly seeds: number;
  readonly seed: number;
  readonly verbose: boolean;
}

const SEED_MAX = 2 ** 31;

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`);
    return value;
  };
}

export const reproduceWith = (seed: number): string => `npm run simulate -- --seed ${seed} --seeds 1`;

function lineOf({ seed, topology, requests, answered, counts, virtualMs, trace }: RunResult): string {
  const { promotions, rollbacks, refusals, kills } = counts;
  return `seed ${seed} ${topology}: ${Math.round(virtualMs / 1000)} s, ${requests} requests, ${answered} answers, ${promotions} promotions, ${rollbacks} rolled back, ${refusals} refused, ${kills} deaths, trace ${trace.slice(0, 12)}`;
}

/** Runs the seeds one after another. Answers with whether all of them held. */
async function simulate({ seeds, seed: first, verbose }: SimulateOptions): Promise<boolean> {
  const { runSeed } = await import('./simulate/run.ts');
  const { ALPHA } = await import('./simulate/plan.ts');
  const started = performance.now();
  let failed = 0, wrong = 0, requests = 0, promotions = 0, deaths = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await runSeed(seed);
    requests += result.requests;
    promotions += result.counts.promotions;
    deaths += result.counts.kills;
    if (result.wrong) wrong++;
    if (verbose || seeds === 1) out(lineOf(result));
    if (result.violations.length === 0) continue;
    failed++;
    for (const violation of result.violations) out(`seed ${seed} ${violation}`);
    out(`seed ${seed} failed; again with: ${reproduceWith(seed)}`);
  }
  const seconds = (performance.now() - started) / 1000;
  const holds = failed === 0 && wrong <= wrongMax(seeds, ALPHA);
  out(`${seeds} seeds, ${failed} failed; ${wrong} with a false certificate (at most ${wrongMax(seeds, ALPHA)} of ${seeds} at alpha ${ALPHA}); ${requests} requests, ${promotions} promotions, ${deaths} deaths`);
  talk(`${seconds.toFixed(1)} s, ${(seeds / seconds).toFixed(1)} seeds a second`);
  return holds;
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .description('run the whole system in virtual time, under faults drawn from seeds')
    .addOption(new Option('--seeds <n>', 'number of seeds').argParser(whole(1, 1_000_000)).default(50))
    .addOption(new Option('--seed <n>', 'first seed').argParser(whole(0, SEED_MAX)).default(1))
    .option('--verbose', 'one line for each seed', false)
    .addHelpText('after', `
Serving line, loop, gate, journal and the log's dispatch are the program's own; engine, training process, vault, clock and
disk are scripted. Each seed draws traffic with drift, bursts, late, lost, doubled and conflicting labels, candidates of a
known quality, and faults: processes that die, a second loop, a full disk, a full vault, failing and slow engines, clock
steps. A seed that fails is printed with the command that runs it again; the exit code is then 1.

Example:
  espalier simulate --seed 1 --seeds 200`)
    .action(async (options: SimulateOptions) => {
      if (!await simulate(options)) process.exitCode = 1;
    });
}
