/**
 * `espalier bench gate`: how often the gate promotes what, by simulation from a seed.
 *
 * One observation is a block of ten requests (100 steps) of one session. Anchor and candidate disagree on 2 % of the
 * steps each way, and the candidate loses `loss` more: in every session alike ("spread"), or in one session of ten,
 * which then loses ten times as much ("clustered").
 */
import { writeFile } from 'node:fs/promises';
import { EMPTY_STEPS, LAMBDAS, addBlock, emptyDuel } from '../../evidence/duel.ts';
import { alphaOf, floorBlocks, judge } from '../../rollout/compare.ts';
import { randomFrom } from '../../support/random.ts';

export interface GateBenchOptions {
  readonly seed: number;
  /** Simulated trials for each row; 400, or 50 when quick. */
  readonly runs?: number;
  readonly quick?: boolean;
  readonly say?: (line: string) => void;
  /** File for the table as JSON. */
  readonly json?: string | undefined;
}

export interface GateRow {
  /** True loss of the candidate against the anchor, in points of accuracy. */
  readonly points: number;
  readonly sessions: 'spread' | 'clustered';
  /** Shares of the trials. */
  readonly certified: number;
  readonly harmful: number;
  readonly undecided: number;
  /** Median blocks to the certificate, of those that got it; null where none did. */
  readonly blocks: number | null;
}

const MARGIN = 0.01;
const ALPHA = 0.05;
const BLOCKS_MAX = 3000;
const STEPS = 100;
const DISAGREEMENT = 0.02;
/** Blocks between two looks; any rhythm is valid, a coarser one only costs a few blocks. */
const LOOK_EVERY = 10;
const LOSS_POINTS = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3];

/** D of the blocks of one trial, one after another. */
export function sessionBlocks(loss: number, sessions: GateRow['sessions'], random: () => number): () => number {
  return () => {
    const extra = sessions === 'spread' ? loss : random() < 0.1 ? loss * 10 : 0;
    const referenceOnly = Math.min(STEPS, poisson(STEPS * (DISAGREEMENT + extra), random));
    const candidateOnly = Math.min(STEPS - referenceOnly, poisson(STEPS * DISAGREEMENT, random));
    return (referenceOnly - candidateOnly) / STEPS;
  };
}

export interface GateTrial {
  readonly end: 'certified' | 'harmful' | 'undecided';
  readonly blocks: number;
}

/** One trial of the real gate on drawn blocks. */
export function runTrial(draw: () => number, margin: number, alpha: number, blocksMax: number, lookEvery = LOOK_EVERY): GateTrial {
  let duel = emptyDuel(margin);
  while (duel.blocks < blocksMax) {
    duel = addBlock(duel, draw(), EMPTY_STEPS);
    if (duel.blocks % lookEvery !== 0) continue;
    const { verdict } = judge(duel, alpha);
    if (verdict !== 'not-yet') return { end: verdict === 'better' ? 'certified' : 'harmful', blocks: duel.blocks };
  }
  return { end: 'undecided', blocks: duel.blocks };
}

export async function runGateBench({ seed, quick = false, runs = quick ? 50 : 400, say = (line) => { console.log(line); }, json }: GateBenchOptions): Promise<readonly GateRow[]> {
  say(`Gate: margin ${MARGIN * 100} point, alpha ${ALPHA} (first candidate: ${alphaOf(1, ALPHA).toFixed(4)}), stakes ${LAMBDAS.join(' ')}, at most ${BLOCKS_MAX} blocks, ${runs} runs a row, seed ${seed}.`);
  say(`No model can be certified before block ${Math.ceil(floorBlocks(MARGIN, alphaOf(1, ALPHA)))}.`);
  say('true loss | sessions  | certified | harmful | undecided | median blocks');
  const rows: GateRow[] = [];
  for (const sessions of ['spread', 'clustered'] as const) {
    for (const points of LOSS_POINTS) {
      const row = rowOf(points, sessions, runs, randomFrom(seed + points * 1000 + (sessions === 'spread' ? 0 : 1)));
      rows.push(row);
      say(`${points.toFixed(2).padStart(9)} | ${sessions.padEnd(9)} | ${percent(row.certified)} | ${percent(row.harmful).slice(2)} | ${percent(row.undecided)} | ${row.blocks ?? '-'}`);
    }
  }
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ seed, runs, margin: MARGIN, alpha: ALPHA, blocksMax: BLOCKS_MAX, rows }, null, 2)}\n`);
  return rows;
}

function rowOf(points: number, sessions: GateRow['sessions'], runs: number, random: () => number): GateRow {
  const trials = Array.from({ length: runs }, () => runTrial(sessionBlocks(points / 100, sessions, random), MARGIN, alphaOf(1, ALPHA), BLOCKS_MAX));
  const share = (end: GateTrial['end']): number => trials.filter((trial) => trial.end === end).length / runs;
  const certified = trials.filter(({ end }) => end === 'certified').map(({ blocks }) => blocks).sort((a, b) => a - b);
  return { points, sessions, certified: share('certified'), harmful: share('harmful'), undecided: share('undecided'), blocks: certified[certified.length >> 1] ?? null };
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(9);

/** Knuth's way; fine for the small means here. */
function poisson(mean: number, random: () => number): number {
  const least = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > least; product *= random()) count++;
  return count;
}
