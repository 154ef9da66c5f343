/** What is told of an inference apart from its publication. */
import type { OperatorFunction } from 'rxjs';
import { mergeMap } from 'rxjs';
import type { Happening } from '../facts.ts';
import type { Role } from '../traffic/request.ts';
import { batchFact } from './publish.ts';
import type { Inference } from './work.ts';

export const tell = (): OperatorFunction<Inference, Happening> => mergeMap(happeningsOf);

function happeningsOf(inference: Inference): readonly Happening[] {
  const { batch, answers, failed, carried } = inference;
  const happenings: Happening[] = [];
  if (!batch.live && answers.length > 0) happenings.push(batchFact(inference, null));
  if (failed !== null) happenings.push({ kind: 'failed', where: batch.live ? 'infer' : `infer in shadow (${batch.role})`, code: 'engine-failed', reason: failed });
  for (const [from, count] of carried) happenings.push({ kind: 'states-carried', from, to: batch.model.id, count });
  const dropped = new Map<Role, number>();
  for (const { role } of batch.dropped) dropped.set(role, (dropped.get(role) ?? 0) + 1);
  for (const [role, count] of dropped) happenings.push({ kind: 'shadow-dropped', role, count });
  return happenings;
}
