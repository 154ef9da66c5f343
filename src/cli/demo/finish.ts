/** Third part: the books, the measurements, the report. */
import { sha256 } from '../../adapters/digest.ts';
import { writeAtomically } from '../../adapters/files/atomic.ts';
import { quantileOfBuckets } from '../../console/board.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import type { Model } from '../../model/model.ts';
import type { EngineSequence } from '../../ports.ts';
import { settleAccount } from './account.ts';
import { itemsOf } from '../data/items.ts';
import { scoreGenres } from './held-out.ts';
import type { Lived } from './live.ts';
import type { Prepared } from './prepare.ts';
import { measureSpeed, reportJson, reportLines } from './report.ts';
import type { Measured } from './report.ts';
import type { Stage } from './stage.ts';

/** Sequences of the ragged batch on which speed is measured. */
const SPEED_SEQUENCES = 512;

/** Measures, prints and stores the report. @returns whether nothing was lost and nothing doubled */
export async function finish(stage: Stage, prepared: Prepared, lived: Lived): Promise<boolean> {
  const { view, engine, models, corpus, clock } = stage;
  stage.health.stage = 'measuring';
  const account = await settleAccount(stage.log);
  const final = await models.load(lived.state.roster.champion);
  view.note('measuring  the dense rival ends its training');
  const rival = await lived.control.settle(final.id);
  view.note('measuring  accuracy on the held-out sessions, speed on one ragged batch');
  const enlisted = new Map<string, number>();
  for (const model of [prepared.dense, final]) enlisted.set(model.id, (await engine.enlist(model)).bytes);
  let continued: { scores: Awaited<ReturnType<typeof scoreGenres>>; steps: number } | null = null;
  if (rival !== null) {
    const model = await models.load(rival.model);
    await engine.enlist(model);
    continued = { scores: await scoreGenres(engine, model, prepared.heldOut), steps: rival.steps };
  }
  const ragged: EngineSequence[] = itemsOf(corpus, corpus.heldOut, false).slice(0, SPEED_SEQUENCES).map(({ inputs }) => ({ inputs, h: null, c: null }));
  const [denseSpeed, finalSpeed] = await measureSpeed(engine, [prepared.dense, final], ragged);
  const measured = async (model: Model, throughput: Measured['throughput']): Promise<Measured> => ({
    model, throughput, scores: await scoreGenres(engine, model, prepared.heldOut), bytes: encodeArtifact(model, sha256).bytes.length, memory: enlisted.get(model.id)!,
  });
  const { board } = stage;
  const input = {
    corpus: corpus.name, engine: stage.engineName, unigram: prepared.unigram, dense: await measured(prepared.dense, denseSpeed!), continued,
    final: await measured(final, finalSpeed!), account, state: lived.state,
    latency: { p50: quantileOfBuckets(board.latency, 0.5), p99: quantileOfBuckets(board.latency, 0.99) },
    seconds: (clock.monotonicMs() - stage.startedMs) / 1000, momentsCpuMs: board.momentsCpuMs, servingCpuMs: lived.cpuMs, failures: lived.control.failures(),
  };
  for (const line of reportLines(input)) view.note(line);
  if (stage.input.json !== undefined) await writeAtomically(stage.input.json, new TextEncoder().encode(`${JSON.stringify(reportJson(input), null, 2)}\n`));
  return account.lost === 0 && account.doubled === 0;
}
