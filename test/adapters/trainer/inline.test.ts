// Goal: the trainer in this process keeps the port's promises. Method: the port's check list over real jobs.
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { ReferenceEngine } from '../../../src/adapters/engine/reference.ts';
import { inlineTrainer } from '../../../src/adapters/trainer/inline.ts';
import { memoryVault } from '../../../src/adapters/vault/memory.ts';
import { runJob } from '../../../src/tuning/run-job.ts';
import { checkTrainer } from '../../checks/trainer.ts';

checkTrainer('inline', () => {
  const vault = memoryVault(), engine = new ReferenceEngine(), clock = systemClock();
  return Promise.resolve({ vault, trainer: inlineTrainer((job, context) => runJob(job, { vault, engine, clock, ...context })) });
});
