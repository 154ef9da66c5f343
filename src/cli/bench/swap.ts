/**
 * `espalier bench swap`: what replacing the model costs those who are served. A serving line answers sessions with
 * carried state at a steady rate; first nothing else happens (before), then a dense LSTM and a pruned one take turns
 * (during), then nothing again (after). A request belongs to the part in which it was sent.
 */
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { ModelShape } from '../../model/shape.ts';
import type { BenchOptions } from '../bench.ts';
import { out, table, talk } from '../print.ts';
import { machineOf } from './machine.ts';
import { DENSITY, openSwapWorld } from './swap-world.ts';
import type { SwapWorld, Timing } from './swap-world.ts';
import { quantileOf } from './throughput.ts';

const SHAPE: ModelShape = { cell: 'lstm', vocabulary: 5000, inputs: 100, layers: [256], task: 'tag', outputs: 80, state: 'carry' };

export interface SwapBenchPlan {
  readonly swaps: number;
  readonly requestsPerSecond: number;
  /** Between the end of a swap and the beginning of the next, milliseconds. */
  readonly pauseMs: number;
  /** Traffic without swaps, before and after each, milliseconds. */
  readonly quietMs: number;
  /** Traffic that is not counted, before everything else: buffers, caches and sessions fill. Milliseconds. */
  readonly warmMs: number;
}

const PLAN: SwapBenchPlan = { swaps: 100, requestsPerSecond: 200, pauseMs: 250, quietMs: 20_000, warmMs: 10_000 };
const QUICK: SwapBenchPlan = { swaps: 4, requestsPerSecond: 50, pauseMs: 50, quietMs: 300, warmMs: 100 };

/** From handing a request to the log until its answer is durable, milliseconds. */
export interface Latency { readonly requests: number; readonly p50: number; readonly p99: number; readonly max: number }
interface Ends { readonly before: number; readonly after: number }

export interface SwapBench {
  readonly swaps: number;
  readonly before: Latency;
  readonly during: Latency;
  readonly after: Latency;
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
  readonly refused: number;
  /** Resident memory after the quiet part before, after the quiet part after, and the largest of all samples. */
  readonly rssMiB: Ends & { readonly max: number };
  /** Open file descriptors, and resources of the event loop (`process.getActiveResourcesInfo`) without timers. */
  readonly handles: Ends;
  /** enlist to retired; and the routing alone. */
  readonly swapMs: { readonly median: number; readonly max: number };
  readonly routeMs: { readonly median: number; readonly max: number };
}

const rssMiB = (): number => process.memoryUsage.rss() / 2 ** 20;
/** The descriptor by which the folder itself is read is counted alike before and after. */
const handles = (): number => readdirSync('/dev/fd').length + process.getActiveResourcesInfo().filter((name) => name !== 'Timeout' && name !== 'Immediate').length;

function latencyOf(timings: Iterable<Timing>, fromMs: number, toMs: number): Latency {
  const ms = [...timings].flatMap(({ sentMs, answeredMs }) => (sentMs >= fromMs && sentMs < toMs && answeredMs !== null ? [answeredMs - sentMs] : []));
  return { requests: ms.length, p50: quantileOf(ms, 0.5), p99: quantileOf(ms, 0.99), max: quantileOf(ms, 1) };
}

/** Runs one plan in an open world. */
async function measure(world: SwapWorld, plan: SwapBenchPlan): Promise<SwapBench> {
  const { clock } = world;
  let rssMax = 0;
  const sampler = setInterval(() => { rssMax = Math.max(rssMax, rssMiB()); }, 100);
  try {
    await clock.sleep(plan.warmMs);
    const marks = [clock.monotonicMs()];
    await clock.sleep(plan.quietMs);
    marks.push(clock.monotonicMs());
    const before = { rss: rssMiB(), handles: handles() };
    const swapMs: number[] = [], routeMs: number[] = [];
    for (let swap = 0; swap < plan.swaps; swap++) {
      const took = await world.swap();
      swapMs.push(took.swapMs);
      routeMs.push(took.routeMs);
      await clock.sleep(plan.pauseMs);
      if ((swap + 1) % 20 === 0) talk(`${swap + 1} of ${plan.swaps} swaps, ${rssMiB().toFixed(0)} MiB`);
    }
    marks.push(clock.monotonicMs());
    await clock.sleep(plan.quietMs);
    marks.push(clock.monotonicMs());
    const after = { rss: rssMiB(), handles: handles() };
    const { sent, lost, doubled, refused } = await world.finish();
    const part = (at: number): Latency => latencyOf(world.timings(), marks[at]!, marks[at + 1]!);
    const spread = (values: readonly number[]): { median: number; max: number } => ({ median: quantileOf(values, 0.5), max: quantileOf(values, 1) });
    return {
      swaps: plan.swaps, before: part(0), during: part(1), after: part(2), sent, lost, doubled, refused,
      rssMiB: { before: before.rss, after: after.rss, max: Math.max(rssMax, after.rss) }, handles: { before: before.handles, after: after.handles },
      swapMs: spread(swapMs), routeMs: spread(routeMs),
    };
  } finally { clearInterval(sampler); }
}

function print(bench: SwapBench): void {
  const ms = (value: number): string => value.toFixed(2);
  out(table(['part', 'requests', 'p50 ms', 'p99 ms', 'max ms'], (['before', 'during', 'after'] as const).map((part) => {
    const { requests, p50, p99, max } = bench[part];
    return [part, String(requests), ms(p50), ms(p99), ms(max)];
  })));
  out(`swaps      ${bench.swaps}: median ${ms(bench.swapMs.median)} ms, at most ${ms(bench.swapMs.max)} ms from enlist to retired; routing ${ms(bench.routeMs.median)} ms, at most ${ms(bench.routeMs.max)} ms`);
  out(`requests   ${bench.sent} sent, ${bench.lost} lost, ${bench.doubled} doubled, ${bench.refused} refused`);
  out(`memory     ${bench.rssMiB.before.toFixed(0)} MiB before, ${bench.rssMiB.after.toFixed(0)} MiB after, at most ${bench.rssMiB.max.toFixed(0)} MiB`);
  out(`handles    ${bench.handles.before} before, ${bench.handles.after} after`);
}

/** Prints the table; writes { machine, engine, …figures } where a file is given. Throws engine-unavailable, storage errors. */
export async function runSwapBench({ seed, quick, json }: BenchOptions): Promise<SwapBench> {
  const plan = quick ? QUICK : PLAN;
  const world = await openSwapWorld({ seed, shape: SHAPE, requestsPerSecond: plan.requestsPerSecond });
  try {
    out(`LSTM ${SHAPE.layers[0]}, dense and at density ${DENSITY} in turn; ${plan.requestsPerSecond} requests/s of 8 to 40 steps from 96 open sessions; ${world.engineName}`);
    const bench = await measure(world, plan);
    print(bench);
    if (json !== undefined) await writeFile(json, `${JSON.stringify({ machine: machineOf(), engine: world.engineName, seed, quick, plan, shape: SHAPE, density: DENSITY, ...bench }, null, 2)}\n`);
    return bench;
  } finally { await world.close(); }
}
