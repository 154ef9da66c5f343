/** A job as it came over a wire: every field checked before anything is done. */
import { EspalierError } from '../errors.ts';
import type { CriterionName, DeviceDemand, Granularity, RankingScope, TrainingPlan, TuningJob } from '../pruning/job.ts';
import type { Refuse } from '../support/fields.ts';
import { booleanOf, choiceOf, integerOf, listOf, numberOf, recordOf, textOf } from '../support/fields.ts';

const CRITERIA: readonly CriterionName[] = ['random', 'magnitude', 'activity', 'obs', 'gradient', 'movement', 'fisher'];
const DEVICES: readonly DeviceDemand[] = ['any', 'gpu'];
const SCOPES: readonly RankingScope[] = ['network', 'sensitivity', 'layer', 'unit'];
const GRANULARITIES: readonly Granularity[] = ['connection', 'g4', 'unit', 'layer'];
/** Fields that jobs of before they were there do not have. */
const OPTIONAL = ['granularity', 'regrow'] as const;
const REFERENCES_MAX = 100_000;

const refuse: Refuse = (what) => { throw new EspalierError('trainer-failed', `The job is not valid: ${what}.`); };

const orNull = <T>(value: unknown, read: (value: unknown) => T): T | null => (value === null ? null : read(value));

/** The fields of a plan that may be left out. */
const PLAN_OPTIONAL = ['errorMax', 'probeSteps', 'patience', 'shrink'] as const;

function planOf(value: unknown): TrainingPlan {
  const has = (field: string): boolean => typeof value === 'object' && value !== null && Object.hasOwn(value, field);
  const plan: Readonly<Record<string, unknown>> = recordOf(value, ['steps', 'lanes', 'window', 'learningRate', 'labelShare', 'temperature', 'dropout', 'heldOut', 'secondsMax', ...PLAN_OPTIONAL.filter(has)], 'training', refuse);
  return {
    steps: integerOf(plan['steps'], 0, 1e9, 'training.steps', refuse),
    lanes: integerOf(plan['lanes'], 1, 4096, 'training.lanes', refuse),
    window: integerOf(plan['window'], 1, 4096, 'training.window', refuse),
    learningRate: numberOf(plan['learningRate'], 0, 10, 'training.learningRate', refuse),
    labelShare: numberOf(plan['labelShare'], 0, 1, 'training.labelShare', refuse),
    temperature: numberOf(plan['temperature'], 0.01, 100, 'training.temperature', refuse),
    dropout: numberOf(plan['dropout'], 0, 0.99, 'training.dropout', refuse),
    heldOut: numberOf(plan['heldOut'], 0, 1, 'training.heldOut', refuse),
    secondsMax: numberOf(plan['secondsMax'], 0.001, 1e9, 'training.secondsMax', refuse),
    ...(has('errorMax') ? { errorMax: numberOf(plan['errorMax'], 0, 1e9, 'training.errorMax', refuse) } : {}),
    ...(has('probeSteps') ? { probeSteps: integerOf(plan['probeSteps'], 0, 1e6, 'training.probeSteps', refuse) } : {}),
    ...(has('patience') ? { patience: integerOf(plan['patience'], 0, 1e6, 'training.patience', refuse) } : {}),
    ...(has('shrink') ? { shrink: numberOf(plan['shrink'], 0, 0.9, 'training.shrink', refuse) } : {}),
  };
}

/** Throws trainer-failed, naming the field. */
export function checkJob(value: unknown): TuningJob {
  const given = OPTIONAL.filter((field) => typeof value === 'object' && value !== null && Object.hasOwn(value, field));
  // A job from before there was a choice demands nothing.
  const job: Readonly<Record<string, unknown>> = recordOf(typeof value === 'object' && value !== null && !Array.isArray(value) ? { device: 'any', ...value } : value, ['id', 'cycle', 'seed', 'parent', 'teacher', 'anchor', 'replay', 'moments', 'density', 'criterion', 'scope', 'reconstruct', 'training', 'trainedOn', 'device', ...given], 'it', refuse);
  const reference = (where: string) => (text: unknown): string => textOf(text, 64, where, refuse);
  const references = (list: unknown, where: string): readonly string[] => listOf(list, REFERENCES_MAX, where, refuse).map(reference(where));
  return {
    id: textOf(job.id, 1000, 'id', refuse),
    cycle: integerOf(job.cycle, 0, 1e9, 'cycle', refuse),
    seed: integerOf(job.seed, 0, Number.MAX_SAFE_INTEGER, 'seed', refuse),
    parent: reference('parent')(job.parent),
    teacher: orNull(job.teacher, reference('teacher')),
    anchor: orNull(job.anchor, reference('anchor')),
    replay: references(job.replay, 'replay'),
    moments: references(job.moments, 'moments'),
    density: numberOf(job.density, 0, 1, 'density', refuse),
    criterion: orNull(job.criterion, (name) => choiceOf(name, CRITERIA, 'criterion', refuse)),
    scope: choiceOf(job.scope, SCOPES, 'scope', refuse),
    ...(given.includes('granularity') ? { granularity: choiceOf(job.granularity, GRANULARITIES, 'granularity', refuse) } : {}),
    ...(given.includes('regrow') ? { regrow: numberOf(job.regrow, 0, 0.9, 'regrow', refuse) } : {}),
    reconstruct: booleanOf(job.reconstruct, 'reconstruct', refuse),
    training: planOf(job.training),
    trainedOn: textOf(job.trainedOn, 10_000, 'trainedOn', refuse),
    device: choiceOf(job.device, DEVICES, 'device', refuse),
  };
}
