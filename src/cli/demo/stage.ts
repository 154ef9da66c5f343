/** What the stages of the demonstration share. */
import type { prometheusMeter } from '../../adapters/meter/prometheus.ts';
import type { Settings } from '../../config/schema.ts';
import type { Board } from '../../console/board.ts';
import type { Clock, Engine, Log, Trainer, Vault } from '../../ports.ts';
import type { Models } from '../compose/models.ts';
import type { DemoCorpus } from './corpus.ts';
import type { DemoPlan } from './plan.ts';
import type { View } from './view.ts';

export interface DemoInput {
  readonly data: string | undefined;
  readonly minutes: number;
  readonly seed: number;
  readonly units: number;
  readonly density: number;
  readonly goal: 'density' | 'loss';
  readonly keep: boolean;
  readonly json: string | undefined;
  /** Where log and vault go; a temporary folder, removed at the end, where it is not given. */
  readonly folder: string | undefined;
  readonly settings: Settings;
  /** Takes what gives the plain line of the moment. */
  readonly sayPlain: (line: () => string | null) => void;
}

/** One run of the demonstration. */
export interface Stage {
  readonly input: DemoInput;
  readonly corpus: DemoCorpus;
  readonly plan: DemoPlan;
  readonly clock: Clock;
  readonly log: Log;
  readonly vault: Vault;
  readonly engine: Engine;
  readonly engineName: string;
  readonly trainer: Trainer;
  readonly models: Models;
  readonly meter: ReturnType<typeof prometheusMeter>;
  readonly view: View;
  readonly startedMs: number;
  board: Board;
  /** Aborted by the first Ctrl-C: stop sending, and report. */
  readonly interrupted: AbortSignal;
  /** The plain line of the moment; null for none. */
  plain: () => string | null;
  /** Said by /healthz. */
  health: { ok: boolean; stage: string };
}
