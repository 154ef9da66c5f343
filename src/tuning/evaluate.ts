/** One pass over items as the model serves: no drop-out, state carried or reset, every item once. */
import { setImmediate as turn } from 'node:timers/promises';
import { EspalierError } from '../errors.ts';
import type { ReplayItem } from '../evidence/replay.ts';
import type { Batch, BatchOptions } from './batches.ts';
import { batchesOf } from './batches.ts';
import type { Forward } from './network.ts';
import { runForward, stateKeeper } from './network.ts';
import type { Runtime } from './ops.ts';
import type { Network } from './parameters.ts';
import { dropParameters, uploadParameters } from './parameters.ts';

/** Lanes and window of a pass; memory grows with their product. */
export const PASS: BatchOptions = { lanes: 64, window: 32, epochs: 1, random: null, rowsMax: 16_384 };

/** Lets the other work of the process have its turn. Throws aborted. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await turn();
  if (signal.aborted) throw new EspalierError('aborted');
}

/**
 * Runs several networks of one task over the same batches; `visit` is called inside a scope, with their answers in the
 * order of the networks. Throws aborted.
 */
export async function evaluate(runtime: Runtime, networks: readonly Network[], items: readonly ReplayItem[], signal: AbortSignal, visit: (batch: Batch, forwards: readonly Forward[]) => void, options: BatchOptions = PASS): Promise<void> {
  const { tf } = runtime;
  if (items.length === 0) return;
  const running = networks.map(({ shape, weights }) => ({ shape, parameters: uploadParameters(tf, shape, weights), keeper: stateKeeper(tf) }));
  try {
    for (const batch of batchesOf(networks[0]!.shape, items, options)) {
      await breathe(signal);
      tf.scope(() => {
        const forwards = running.map(({ shape, parameters, keeper }) => runForward(runtime, shape, parameters, batch, keeper.get(), null));
        visit(batch, forwards);
        // Only now: the state that the batch started from is among what was visited, and is freed here.
        forwards.forEach((forward, at) => { running[at]!.keeper.put(forward.state); });
      });
    }
  } finally {
    for (const { parameters, keeper } of running) { dropParameters(tf, parameters); keeper.close(); }
  }
}
