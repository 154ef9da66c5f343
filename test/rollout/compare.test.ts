// Goal: the gate's wealth and verdicts are right and its errors are those of the design. Method: formulas by hand, the design's reference values, simulation from seeds.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runTrial, sessionBlocks } from '../../src/cli/bench/gate.ts';
import { EMPTY_STEPS, LAMBDAS, addBlock, emptyDuel, mergeDuel } from '../../src/evidence/duel.ts';
import type { Duel } from '../../src/evidence/evidence.ts';
import { alphaOf, certifyLambdaBound, floorBlocks, harmLambdaBound, judge, wealth } from '../../src/rollout/compare.ts';
import { randomFrom } from '../../src/support/random.ts';

/** A duel of blocks with D in {−1, 0, 1}, by their counts; the same sums as block after block, only quicker. */
const counted = (margin: number, worse: number, equal: number, better: number): Duel => {
  const sums = (stake: (d: number) => number): number[] => LAMBDAS.map((l) => worse * Math.log1p(l * stake(1)) + equal * Math.log1p(l * stake(0)) + better * Math.log1p(l * stake(-1)));
  return {
    ...emptyDuel(margin), blocks: worse + equal + better, sum: worse - better, squares: worse + better,
    certify: sums((d) => margin - d), harm: sums((d) => d - margin), harmAtZero: sums((d) => d),
  };
};

/** Runs the gate on D in {−1, 0, 1}; looks every ten observations. */
function ternaryTrial(margin: number, alpha: number, pWorse: number, pBetter: number, most: number, random: () => number): { end: 'better' | 'worse' | 'not-yet'; blocks: number } {
  let worse = 0, better = 0;
  for (let n = 1; n <= most; n++) {
    const draw = random();
    if (draw < pWorse) worse++;
    else if (draw < pWorse + pBetter) better++;
    if (n % 10 !== 0) continue;
    const { verdict } = judge(counted(margin, worse, n - worse - better, better), alpha);
    if (verdict !== 'not-yet') return { end: verdict, blocks: n };
  }
  return { end: 'not-yet', blocks: most };
}

const medianOf = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

describe('wealth', () => {
  it('is the mean over the grid of exp(sum)', () => {
    const sums = LAMBDAS.map((_, at) => at / 10);
    expect(wealth(sums)).toBeCloseTo(sums.reduce((total, sum) => total + Math.exp(sum), 0) / LAMBDAS.length, 12);
    expect(wealth(LAMBDAS.map(() => 0))).toBe(1);
  });

  it('neither overflows nor underflows to nonsense', () => {
    expect(wealth(LAMBDAS.map(() => 1e6))).toBe(Number.MAX_VALUE);
    expect(wealth(LAMBDAS.map(() => -1e6))).toBe(0);
    expect(wealth(LAMBDAS.map((_, at) => (at === 0 ? 0 : Number.NEGATIVE_INFINITY)))).toBeCloseTo(1 / LAMBDAS.length, 12);
    expect(wealth(LAMBDAS.map(() => Number.NaN))).toBe(0);
    expect(wealth(LAMBDAS.map(() => 0), 0.01)).toBe(0);
  });

  it('leaves out the stakes that could lose everything', () => {
    expect(certifyLambdaBound(0.01)).toBeCloseTo(1 / 0.99, 12);
    expect(harmLambdaBound(0.01)).toBeCloseTo(1 / 1.01, 12);
    const sums = LAMBDAS.map((stake) => (stake > 0.3 ? 50 : 0));
    expect(wealth(sums, 0.3)).toBe(1);
  });

  it('comes out the same in whatever order evidence is merged', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 40 }), fc.integer(), (differences, seed) => {
      const random = randomFrom(seed);
      const parts = [emptyDuel(0.01), emptyDuel(0.01), emptyDuel(0.01)];
      for (const d of differences) { const at = Math.floor(random() * 3); parts[at] = addBlock(parts[at]!, d, EMPTY_STEPS); }
      const one = judge(mergeDuel(mergeDuel(parts[0]!, parts[1]!), parts[2]!), 0.05);
      const other = judge(mergeDuel(parts[2]!, mergeDuel(parts[1]!, parts[0]!)), 0.05);
      expect(one.certify).toBeCloseTo(other.certify, 8);
      expect(one.harm).toBeCloseTo(other.harm, 8);
      expect(one.verdict).toBe(other.verdict);
    }));
  });
});

describe('judge', () => {
  it('knows nothing of nothing', () => {
    expect(judge(emptyDuel(0.01), 0.05)).toEqual({ verdict: 'not-yet', blocks: 0, certify: 1, harm: 1, harmAtZero: 1, bar: 20, harmBar: 20, difference: null, halfWidth: null });
  });

  it('certifies at the bar and no sooner, with a bar of its own for harm', () => {
    expect(judge(counted(0.01, 0, 599, 0), 0.05).certify).toBeGreaterThan(15);
    const blocks = 700;
    const bare = judge(counted(0.01, 0, blocks, 0), 0.05);
    expect(bare).toMatchObject({ verdict: 'better', difference: 0, halfWidth: 0, blocks });
    expect(judge(counted(0.01, 0, blocks, 0), 1 / (bare.certify * 1.01), 0.05)).toMatchObject({ verdict: 'not-yet', harmBar: 20 });
    expect(judge(counted(0.01, 0, blocks, 0), 1 / (bare.certify * 0.99), 0.05).verdict).toBe('better');
  });

  it('finds harm, and warns of a loss within the margin without stopping', () => {
    expect(judge(counted(0.01, 60, 940, 10), 0.05)).toMatchObject({ verdict: 'worse' });
    const small = judge(counted(0.01, 170, 20_000 - 220, 50), 0.05);
    expect(small.difference).toBeCloseTo(0.006, 4);
    expect(small.verdict).not.toBe('worse');
    expect(small.harmAtZero).toBeGreaterThan(small.harmBar);
  });

  it('needs at least ln(1/alpha) / ln(1 + .8 m) blocks: 376 at one point, 750 at half a point', () => {
    expect(Math.ceil(floorBlocks(0.01, 0.05))).toBe(376);
    expect(Math.ceil(floorBlocks(0.005, 0.05))).toBe(751);
    for (const margin of [0.005, 0.01, 0.02]) {
      const floor = Math.floor(floorBlocks(margin, 0.05));
      expect(judge(counted(margin, 0, floor, 0), 0.05).verdict).toBe('not-yet');
      expect(judge(counted(margin, 0, floor * 2, 0), 0.05).verdict).toBe('better');
    }
  });
});

describe('spending alpha', () => {
  it('adds up to alpha over all candidates', () => {
    let total = 0;
    for (let k = 1; k <= 100_000; k++) total += alphaOf(k, 0.05);
    expect(total).toBeLessThan(0.05);
    expect(total).toBeCloseTo(0.05, 5);
    expect(alphaOf(1, 0.05)).toBeCloseTo(0.3 / Math.PI ** 2, 12);
  });
});

describe('simulated errors of the gate', () => {
  // Reference, 1,000 runs: 1,650 and 3,940 at margin 1 point, 490 and 1,100 at 2 points.
  it.each([[0.01, 0.01, 1650], [0.01, 0.03, 3940], [0.02, 0.01, 490], [0.02, 0.03, 1100]])('certifies an equal model at margin %f, disagreement %f each way, after about %i observations', (margin, disagreement, reference) => {
    const random = randomFrom(7);
    const sizes = Array.from({ length: 300 }, () => ternaryTrial(margin, 0.05, disagreement, disagreement, 60_000, random)).map(({ end, blocks }) => (end === 'better' ? blocks : 60_000));
    const median = medianOf(sizes);
    expect(median).toBeGreaterThan(reference * 0.8);
    expect(median).toBeLessThan(reference * 1.2);
  });

  it('certifies falsely, exactly at the margin, in less than alpha of the runs', () => {
    const random = randomFrom(11);
    const runs = 300;
    const ends = Array.from({ length: runs }, () => ternaryTrial(0.01, 0.05, 0.02, 0.01, 10_000, random).end);
    expect(ends.filter((end) => end === 'better').length / runs).toBeLessThan(0.05);
    expect(ends.filter((end) => end === 'worse').length / runs).toBeLessThan(0.05);
  });

  it('holds alpha on the clustered null: the loss sits in a tenth of the sessions', () => {
    const random = randomFrom(13);
    const ends = Array.from({ length: 150 }, () => runTrial(sessionBlocks(0.01, 'clustered', random), 0.01, 0.05, 1500).end);
    expect(ends.filter((end) => end === 'certified').length / 150).toBeLessThan(0.05);
  });

  it('tells harm from health on session blocks', () => {
    const random = randomFrom(17);
    const equal = Array.from({ length: 40 }, () => runTrial(sessionBlocks(0, 'clustered', random), 0.01, 0.05, 1500).end);
    const bad = Array.from({ length: 40 }, () => runTrial(sessionBlocks(0.03, 'clustered', random), 0.01, 0.05, 1500).end);
    expect(equal.every((end) => end === 'certified')).toBe(true);
    expect(bad.every((end) => end === 'harmful')).toBe(true);
  });

  it('does not let ten successive candidates, each 0.5 points worse than its champion, past the margin of the anchor', () => {
    const lineages = 40;
    let past = 0;
    const random = randomFrom(19);
    for (let lineage = 0; lineage < lineages; lineage++) {
      let loss = 0;
      for (let k = 1; k <= 10; k++) {
        const candidate = loss + 0.005;
        if (ternaryTrial(0.01, alphaOf(k, 0.05), 0.01 + candidate, 0.01, 6000, random).end === 'better') loss = candidate;
      }
      if (loss > 0.0101) past++;
    }
    expect(past).toBe(0);
  });
});
