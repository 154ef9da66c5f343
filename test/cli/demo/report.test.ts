// Goal: the report says what the issue of the demonstration demands, from the figures it is given. Method: made-up figures, all different, looked for in the JSON and in the lines.
import { describe, expect, it } from 'vitest';
import { measureSpeed, reportJson, reportLines } from '../../../src/cli/demo/report.ts';
import type { Measured, ReportInput } from '../../../src/cli/demo/report.ts';
import type { GenreScores } from '../../../src/cli/demo/held-out.ts';
import { NativeEngine } from '../../../src/adapters/engine/native.ts';
import { ReferenceEngine } from '../../../src/adapters/engine/reference.ts';
import type { Decision, LoopState } from '../../../src/loop/state.ts';
import type { Model } from '../../../src/model/model.ts';
import { builtAddon, supportedVariants } from '../../adapters/engine/built.ts';
import { fresh } from '../../loop/support.ts';
import { draftOf, tagShape } from '../../tuning/samples.ts';

function modelOf(id: string, density: number): Model {
  const draft = draftOf(tagShape, 1);
  return { ...draft, id, mask: [draft.mask[0]!.map((_, at) => (at < density * draft.mask[0]!.length ? 1 : 0))] };
}
const scores = (news: number, fiction: number): GenreScores => ({
  genres: [{ genre: 'news', score: { right: news, steps: 1000 } }, { genre: 'fiction', score: { right: fiction, steps: 1000 } }],
  all: { right: news + fiction, steps: 2000 },
});
const measured = (model: Model, of: GenreScores, rate: number, bytes: number): Measured => ({
  model, scores: of, bytes, memory: bytes / 2,
  throughput: { laneStepsPerSecond: rate, laneStepsPerSecondWithoutOutput: 2 * rate, p50Ms: 1.5, p99Ms: 2.5 },
});
const decision: Decision = { at: 1, candidate: 'b', cycle: 2, outcome: 'refused', reason: 'worse than the anchor', blocks: 321, difference: 0.0123, certify: 1.5, harm: 40, bar: 33 };
const state: LoopState = { ...fresh(), cycle: 5, decisions: [decision], counts: { ...fresh().counts, promotions: 3, refusals: 2, failures: 1, returns: 0 } };
const input: ReportInput = {
  corpus: 'a corpus', engine: 'native/avx2', unigram: scores(871, 852), dense: measured(modelOf('dense', 1), scores(911, 892), 100_000, 4_000_000),
  continued: { scores: scores(921, 903), steps: 777 }, final: measured(modelOf('final', 0.25), scores(913, 894), 310_000, 1_000_000),
  account: { sent: 5555, answered: 5553, refused: 4, lost: 2, doubled: 1 }, state, latency: { p50: 7.5, p99: 50 }, seconds: 478.25, momentsCpuMs: 1234, servingCpuMs: 123_400, failures: ['job-3: no luck'],
};

describe('the figures in the file', () => {
  const json = JSON.parse(JSON.stringify(reportJson(input))) as Record<string, unknown>;

  it('hold every field that the issue names', () => {
    expect(json).toMatchObject({
      dense: { accuracy: 0.9015, laneStepsPerSecond: 100_000, bytes: 4_000_000, density: 1 },
      denseContinued: { accuracy: 0.912, steps: 777 },
      final: { accuracy: 0.9035, laneStepsPerSecond: 310_000, bytes: 1_000_000, laneStepsPerSecondWithoutOutput: 620_000, memory: 500_000, genres: { news: 0.913, fiction: 0.894 } },
      requests: { sent: 5555, answered: 5553, lost: 2, doubled: 1 },
      promotions: 3, refusals: 2, cycles: 5, speedUp: 3.1, unigram: { accuracy: 0.8615 }, latency: { p50: 7.5, p99: 50 }, decisions: [decision], problems: ['job-3: no luck'],
    });
    expect((json['final'] as { density: number }).density).toBeCloseTo(0.25, 1);
    expect(json['seconds']).toBeCloseTo(478.25, 0);
    expect(json['machine']).toMatchObject({ engine: 'native/avx2', node: process.version });
  });

  it('say null where there is no rival, no unigram tagger and no way to leave the output layer out', () => {
    const bare = reportJson({ ...input, unigram: null, continued: null, final: { ...input.final, throughput: { ...input.final.throughput, laneStepsPerSecondWithoutOutput: null } } });
    expect(bare).toMatchObject({ unigram: null, denseContinued: { accuracy: null, steps: 0 }, final: { laneStepsPerSecondWithoutOutput: null } });
  });
});

describe('the report on the screen', () => {
  const lines = reportLines(input);
  const row = (start: string): string => lines.find((line) => line.trim().startsWith(start)) ?? '';

  it('has the accuracies of all models side by side for each genre', () => {
    expect(lines.join('\n')).toMatch(/unigram +dense +dense trained on +final/);
    expect(row('news').split(/ {2,}/).filter((cell) => cell !== '')).toEqual(['news', '87.10', '91.10', '92.10', '91.30']);
    expect(row('all').split(/ {2,}/).filter((cell) => cell !== '')).toEqual(['all', '86.15', '90.15', '91.20', '90.35']);
  });

  it('has speed, size and density with their ratios', () => {
    expect(row('lane-steps/s, output layer included')).toMatch(/100k +310k +3\.10x/);
    expect(row('lane-steps/s, output layer left out')).toMatch(/200k +620k +3\.10x/);
    expect(row('on disk')).toMatch(/4\.00 MB +1\.00 MB +0\.25x/);
    expect(row('in memory')).toMatch(/2\.00 MB +0\.50 MB/);
    expect(row('density')).toMatch(/1\.000 \(inputs 1\.000, state 1\.000\) +0\.2/);
    expect(row('batch p50 / p99')).toContain('1.50 / 2.50');
  });

  it('has decisions with reasons, the books, and what went wrong', () => {
    expect(row('cycle 2')).toMatch(/refused +worse than the anchor; 321 .*-1\.23 points, e 1\.50 of 33/);
    expect(row('5 cycles')).toContain('3 promotions, 2 refusals, 1 failures');
    expect(row('5555 sent')).toMatch(/5553 answered, 4 refused, 2 lost, 1 doubled; latency p50 7\.5 ms, p99 50 ms/);
    expect(lines).toContain('  problem: job-3: no luck');
    expect(lines.at(-1)).toBe('478 s in all');
  });

  it('leaves out what there is not', () => {
    const bare = reportLines({ ...input, unigram: null, continued: null, latency: { p50: null, p99: null } }).join('\n');
    expect(bare).not.toMatch(/unigram {2}|dense trained on/);
    expect(bare).toContain('no dense rival');
    expect(bare).toContain('latency p50 – ms');
  });
});

it('measures speed on the engines there are, without the output layer only where an engine can', async () => {
  const addon = await builtAddon();
  for (const engine of [new ReferenceEngine(), new NativeEngine(addon, supportedVariants(addon)[0]!)]) {
    const model = modelOf('m', 1);
    await engine.enlist(model);
    const [speed] = await measureSpeed(engine, [model], [{ inputs: Int32Array.of(1, 2, 3), h: null, c: null }]);
    expect(speed!.laneStepsPerSecond).toBeGreaterThan(0);
    expect(speed!.laneStepsPerSecondWithoutOutput === null).toBe(engine instanceof ReferenceEngine);
  }
});
