/**
 * Native code is doubted: before the addon is loaded here, a child process loads it and answers probe sequences, which
 * are compared with the reference. A wrong binary, a missing instruction set or a crash costs the child only.
 */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pack } from '../../model/pack.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { ModelShape } from '../../model/shape.ts';
import { unitsOf } from '../../model/shape.ts';
import { randomFrom } from '../../support/random.ts';
import { loadArguments } from './addon.ts';
import { PARITY_MAX, parityJudge, probeSequences } from './parity.ts';

export type ProbeResult = { readonly ok: true; readonly parity: number } | { readonly ok: false; readonly reason: string };

/** Odd sizes on purpose: no lane, class or input count divides them. */
const SHAPE: ModelShape = { cell: 'lstm', vocabulary: 23, inputs: 7, layers: [19], task: 'tag', outputs: 6, state: 'reset' };
const SEQUENCES = 70;
const STDERR_CHARACTERS_MAX = 2000;

interface ChildAnswer { readonly error?: string; readonly h: Float32Array; readonly c: Float32Array; readonly labels: Int32Array; readonly confidence: Float32Array }

/** Never rejects: what goes wrong is the reason. */
export async function probe(file: string, variant: string, { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {}): Promise<ProbeResult> {
  if (!existsSync(file)) return { ok: false, reason: `${file} does not exist (not built)` };
  const model = sampleModel(SHAPE, 0.4, randomFrom(11));
  const units = unitsOf(SHAPE);
  const probes = probeSequences(model);
  const sequences = Array.from({ length: SEQUENCES }, (_, at) => probes[at % probes.length]!);
  const offsets = new Uint32Array(SEQUENCES + 1);
  sequences.forEach(({ inputs }, at) => { offsets[at + 1] = offsets[at]! + inputs.length; });
  const states = (which: 'h' | 'c'): Float32Array => Float32Array.from(sequences.flatMap((sequence) => [...(sequence[which] ?? new Float32Array(units))]));
  const [, ...load] = loadArguments(variant, pack(model));
  const batch = {
    tokens: Int32Array.from(sequences.flatMap(({ inputs }) => [...inputs])), offsets, h: states('h'), c: states('c'),
    labels: new Int32Array(offsets[SEQUENCES]!), confidence: new Float32Array(SEQUENCES),
  };
  const answer = await inChild({ file, variant, load, batch }, timeoutMs);
  if (typeof answer === 'string') return { ok: false, reason: answer };
  const judge = parityJudge(model, probes);
  const parity = Math.max(...sequences.map((_, at) => judge(at % probes.length, {
    labels: answer.labels.subarray(offsets[at]!, offsets[at + 1]!), confidence: answer.confidence[at]!,
    h: answer.h.subarray(at * units, (at + 1) * units), c: answer.c.subarray(at * units, (at + 1) * units),
  })));
  return parity <= PARITY_MAX ? { ok: true, parity } : { ok: false, reason: `${variant} differs from the reference by ${parity.toExponential(1)}` };
}

/** The child's answer, or why there is none. */
function inChild(message: object, timeoutMs: number): Promise<ChildAnswer | string> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL('./probe-child.mjs', import.meta.url)), [], { execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let answer: ChildAnswer | undefined, late = false, stderr = '';
    const timer = setTimeout(() => { late = true; child.kill('SIGKILL'); }, timeoutMs);
    const end = (result: ChildAnswer | string): void => { clearTimeout(timer); resolve(result); };
    child.stderr?.on('data', (chunk) => { stderr = (stderr + String(chunk)).slice(-STDERR_CHARACTERS_MAX); });
    child.on('message', (value) => { answer = value as ChildAnswer; });
    child.on('error', (error) => { end(`the probe process could not be started: ${error.message}`); });
    child.on('close', (code, signal) => {
      if (late) end(`the probe gave no answer within ${timeoutMs} ms`);
      else if (answer === undefined) end(`the probe process died (${signal ?? `exit code ${code ?? '?'}`})${stderr === '' ? '' : `: ${stderr.trim().split('\n').at(-1) ?? ''}`}`);
      else end(answer.error ?? answer);
    });
    child.send(message, (error) => { if (error !== null) child.kill('SIGKILL'); });
  });
}
