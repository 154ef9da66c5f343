/** What the set-up has brought: packages, TensorFlow. Asked of the set-up itself, in a process of its own. */
import * as path from 'node:path';
import { z } from 'zod';
import type { Finding } from './finding.ts';
import type { Computes } from './gpu.ts';
import { missing, ok, poor } from './finding.ts';
import { ROOT, jsonFromChild } from './child.ts';

const State = z.object({
  packages: z.boolean(),
  cache: z.string(),
  tensorflow: z.object({ loads: z.boolean(), way: z.enum(['official', 'wheel', 'gpu', 'found']).nullable(), device: z.enum(['cpu', 'gpu']).nullable(),
    libraries: z.object({ cuda: z.string(), cudnn: z.string() }).nullable(), detail: z.string(), binding: z.string() }),
});

const WAYS = {
  official: 'the official archive', wheel: 'the library of the Python wheel', gpu: 'the library for the GPU of the Python wheel', found: 'a binding that was there before the set-up',
} as const;
const REMEDY = 'Run `npm run setup`; it says what it lacks.';

export interface SetupState { readonly cache: string; readonly computes: Computes | null; readonly findings: readonly Finding[] }

export async function setup(cacheFallback: string): Promise<SetupState> {
  const answer = await jsonFromChild([path.join(ROOT, 'scripts', 'setup.mjs'), '--state'], 90_000);
  const state = 'value' in answer ? State.safeParse(answer.value) : undefined;
  if (state?.success !== true) {
    return { cache: cacheFallback, computes: null, findings: [missing('set-up', 'failure' in answer ? answer.failure : 'its answer has another form', REMEDY)] };
  }
  const { packages, cache, tensorflow } = state.data;
  return {
    cache,
    computes: tensorflow.loads ? { device: tensorflow.device ?? 'cpu', libraries: tensorflow.libraries } : null,
    findings: [
      packages ? ok('packages', 'as the lock file says') : poor('packages', 'not as the lock file says', 'Run `npm run setup`.'),
      tensorflow.loads ? ok('tensorflow', `${tensorflow.detail} by ${WAYS[tensorflow.way ?? 'found']}; matMul and BlockLSTMV2 agree with known values`)
        : missing('tensorflow', `does not load: ${tensorflow.detail}`, 'Run `npm run setup`; it says what it lacks. Serving works without; training does not.'),
    ],
  };
}
