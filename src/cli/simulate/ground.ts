/** What outlives the processes of a simulated cluster: time, chance, the log, the vault, and the truth about the models. */
import { simulatedClock } from '../../adapters/clock/simulated.ts';
import type { SimulatedClock } from '../../adapters/clock/simulated.ts';
import { sha256 } from '../../adapters/digest.ts';
import { memoryVault } from '../../adapters/vault/memory.ts';
import { EspalierError } from '../../errors.ts';
import { encodeArtifact } from '../../model/artifact.ts';
import type { ModelId } from '../../model/model.ts';
import type { Clock, Engine, Trainer, Vault } from '../../ports.ts';
import { randomFrom } from '../../support/random.ts';
import type { Broker } from './broker.ts';
import { openBroker } from './broker.ts';
import type { Skill } from './engine.ts';
import { scriptedEngine } from './engine.ts';
import type { Life } from './life.ts';
import { clockOf } from './life.ts';
import type { FaultKind, Plan } from './plan.ts';
import { START_MS } from './plan.ts';
import type { Sabotage } from './sabotage.ts';
import { draftOf, scriptedTrainer } from './trainer.ts';
import { Watch } from './watch.ts';

export interface Ground {
  readonly plan: Plan;
  readonly sabotage: Sabotage | null;
  readonly clock: SimulatedClock;
  readonly random: () => number;
  readonly broker: Broker;
  readonly watch: Watch;
  readonly anchor: ModelId;
  readonly skills: ReadonlyMap<ModelId, Skill>;
  /** Whether a fault of this kind is in force. */
  readonly active: (kind: FaultKind) => boolean;
  /** What the wall clocks of all processes are off by, milliseconds. */
  offMs: number;
  clockFor(life: Life): Clock;
  vaultFor(life: Life): Vault;
  engineFor(life: Life): Engine;
  trainerFor(life: Life): Trainer;
}

/** The ground of a run, with the anchor in the vault. */
export async function openGround(plan: Plan, sabotage: Sabotage | null): Promise<Ground> {
  const clock = simulatedClock(START_MS), random = randomFrom(plan.seed + 2 ** 40), stored = memoryVault();
  const anchored = encodeArtifact(draftOf('anchor', 0, 1), sha256);
  await stored.put(anchored.bytes);
  const skills = new Map<ModelId, Skill>([[anchored.id, { right: Array.from({ length: plan.world.phases }, () => plan.accuracy), independent: plan.independent, key: 1 }]]);
  const damaged = new Set<ModelId>();
  const active = (kind: FaultKind): boolean => plan.faults.some((fault) => fault.kind === kind && fault.at <= clock.now() && clock.now() < fault.at + fault.ms);
  const watch = new Watch(plan, skills, anchored.id, () => clock.now());
  const upTo = (max: number): number => Math.floor(random() * (max + 1));
  const broker = openBroker({
    clock, random,
    commitMs: () => (active('log-full') && random() < 0.3 ? null : upTo(plan.logMsMax)),
    committed: (life, records) => { watch.committed(life.instance, records); },
    violated: (what) => { watch.violated(what); },
  });
  const ground: Ground = {
    plan, sabotage, clock, random, broker, watch, anchor: anchored.id, skills, active, offMs: 0,
    clockFor: (life) => clockOf(life, clock, () => ground.offMs),
    vaultFor: (life) => ({
      put: (bytes) => life.answer(active('vault-full') ? Promise.reject(new EspalierError('storage-full', 'as scripted')) : stored.put(bytes)),
      get: (ref) => life.answer(active('vault-missing') ? Promise.reject(new EspalierError('vault-missing', ref)) : stored.get(ref).then((bytes) => (damaged.has(ref) ? bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1) : bytes))),
      list: () => life.answer(stored.list()),
      remove: (ref) => life.answer(stored.remove(ref)),
    }),
    engineFor: (life) => mortal(life, scriptedEngine({
      clock: ground.clockFor(life),
      skillOf: (model) => skills.get(model)!,
      stranger: (model) => { watch.violated(`the engine of ${life.instance} was called for ${model.slice(0, 8)}, which is not enlisted`); },
      infer: () => {
        if (active('engine-fails') && random() < 0.3) throw new EspalierError('engine-failed', 'as scripted');
        return upTo(plan.engineMsMax) * (active('engine-slow') ? 20 : 1);
      },
      enlist: (model) => {
        if (model.id !== anchored.id && active('engine-fails') && random() < 0.5) throw new EspalierError('engine-mismatch', 'as scripted');
        return active('engine-slow') ? 5000 : 1 + upTo(100);
      },
    })),
    trainerFor: (life) => scriptedTrainer({ clock: ground.clockFor(life), vault: ground.vaultFor(life), plan, random, skills, anchor: anchored.id, damaged }),
  };
  return ground;
}

const mortal = (life: Life, engine: Engine): Engine => ({
  name: engine.name,
  enlist: (model) => life.answer(engine.enlist(model)),
  infer: (call) => life.answer(engine.infer(call)),
  gram: (activity, into) => life.answer(engine.gram(activity, into)),
  retire: (model) => life.answer(engine.retire(model)),
});
