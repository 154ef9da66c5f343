/** A scripted training process: candidates of a known quality, and every way in which a job can go wrong. */
import { Observable } from 'rxjs';
import { EspalierError } from '../../errors.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import type { ModelDraft, ModelId } from '../../model/model.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { CandidateReport, TuningJob } from '../../pruning/job.ts';
import type { Clock, Trainer, Vault } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';
import { TOKENS_PER_PHASE, labelName, phaseAt } from '../../traffic/world.ts';
import { sha256 } from '../../adapters/digest.ts';
import type { Skill } from './engine.ts';
import type { Outcome, Plan } from './plan.ts';
import { OUTPUTS } from './plan.ts';

export interface TrainerPorts {
  readonly clock: Clock;
  readonly vault: Vault;
  readonly plan: Plan;
  readonly random: () => number;
  /** Quality of every model that ever was; the trainer adds its candidates. */
  readonly skills: Map<ModelId, Skill>;
  readonly anchor: ModelId;
  /** References whose bytes are damaged on the way out of the vault. */
  readonly damaged: Set<ModelId>;
}

/** A model of the simulation: its tensors mean nothing, its bytes are real. @param name makes its id */
export function draftOf(name: string, seed: number, density: number): ModelDraft {
  const { shape, weights, mask } = sampleModel({ cell: 'lstm', vocabulary: 3 * TOKENS_PER_PHASE, inputs: 1, layers: [2], task: 'tag', outputs: OUTPUTS, state: 'carry' }, 1, randomFrom(seed), name);
  return {
    shape, weights, mask, tokenizer: { kind: 'words', words: ['w'], suffixes: [], foldCase: false }, labels: Array.from({ length: OUTPUTS }, (_, label) => labelName(label)),
    lineage: { parent: null, anchor: null, cycle: 0, density, criterion: null, seed, trainedOn: name },
  };
}

export function scriptedTrainer(ports: TrainerPorts): Trainer {
  const { clock, plan, random } = ports;
  return {
    tune: (job) => new Observable((to) => {
      const outcome = drawn(plan.outcomes, random);
      if (outcome === 'silent') return undefined;
      const ms = outcome === 'late' ? plan.policy.tuneMsMax + 400 : 100 + Math.floor(random() * plan.trainMsMax);
      to.next({ kind: 'stage', stage: 'load', ms: 1 });
      const timer = clock.scheduler.schedule(() => {
        if (outcome === 'fails') to.error(new EspalierError('trainer-failed', 'as scripted'));
        else if (outcome === 'crashes') to.error(new EspalierError('trainer-crashed', 'as scripted'));
        else {
          candidateOf(ports, job, outcome).then((candidate) => {
            to.next({ kind: 'candidate', candidate: { job: job.id, ...candidate } });
            to.complete();
          }, (error: unknown) => { to.error(error); });
        }
      }, ms);
      return () => { timer.unsubscribe(); };
    }),
    close: () => Promise.resolve(),
  };
}

function drawn(outcomes: Plan['outcomes'], random: () => number): Outcome {
  let at = random() * outcomes.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [outcome, weight] of outcomes) if ((at -= weight) < 0) return outcome;
  return 'fails';
}

async function candidateOf(ports: TrainerPorts, job: TuningJob, outcome: Outcome): Promise<{ model: ModelId; report: CandidateReport }> {
  const { plan, random, skills, vault, damaged } = ports;
  const parent = skills.get(job.parent)!;
  const skill = skillOf(ports, parent, outcome);
  const density = outcome === 'wrong-density' ? Math.min(1, job.density * 1.2) : job.density;
  const size = sizeOf(job, density);
  if (outcome === 'same') return { model: job.parent, report: reportOf(parent, parent, size, 0) };
  const { id, bytes } = encodeArtifact(draftOf(`${job.id}/${outcome}/${random()}`, plan.seed, density), sha256);
  skills.set(id, skill);
  if (outcome !== 'missing') await vault.put(bytes);
  if (outcome === 'corrupt') damaged.add(id);
  const seen = outcome === 'hidden' || outcome === 'drifting' ? parent : skill;
  const report = reportOf(seen, parent, size, outcome === 'parity' ? 0.5 : 1e-6);
  return { model: id, report: outcome === 'not-a-number' ? { ...report, accuracy: Number.NaN } : report };
}

function skillOf({ plan, random, skills, anchor, clock }: TrainerPorts, parent: Skill, outcome: Outcome): Skill {
  const { margin } = plan.policy;
  const base = outcome === 'salami' ? parent : skills.get(anchor)!;
  const margins = outcome === 'salami' ? 0.35 * random() : outcome === 'hidden' ? 1 + Math.floor(random() * 4) * random() : outcome === 'drifting' ? 0 : random() * 1.6 - 0.4;
  const from = outcome === 'drifting' ? phaseAt(plan.world, clock.now()) + 1 : 0;
  const later = outcome === 'drifting' ? 3 : margins;
  return {
    right: base.right.map((right, phase) => Math.min(1, Math.max(0, right - margin * (phase >= from ? later : margins)))),
    independent: plan.independent, key: Math.floor(random() * 2 ** 32),
  };
}

type Size = Pick<CandidateReport, 'density' | 'granularity' | 'layers' | 'parentLayers'>;

/** Units of a made-up parent: only their ratio counts. */
const UNITS = 1000;
const sizeOf = ({ granularity = 'connection' }: TuningJob, share: number): Size =>
  (granularity === 'unit' ? { density: 1, granularity, layers: [Math.round(UNITS * share)], parentLayers: [UNITS] } : { density: share, granularity });

const reportOf = (skill: Skill, parent: Skill, size: Size, parity: number): CandidateReport => ({
  accuracy: skill.right[0]!, loss: 0.3, agreement: 0.95, parentAccuracy: parent.right[0]!, prunedAccuracy: null, heldOutSteps: 100, parity,
  ...size, densities: [{ inputs: size.density, state: size.density }], structuralCost: 1, weightCost: 1, bytes: 1, steps: 1, seconds: 1,
});
