/**
 * Native code is doubted: before the addon is loaded here, a child process loads it and answers probe sequences, which
 * are compared with the reference. A wrong binary, a missing instruction set or a crash costs the child only.
 */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packG4 } from '../../model/pack-g4.ts';
import { pack } from '../../model/pack.ts';
import { quantise } from '../../model/quantise.ts';
import { sampleModel } from '../../model/sample-model.ts';
import type { ModelShape } from '../../model/shape.ts';
import { randomFrom } from '../../support/random.ts';
import { loadArguments, loadArgumentsG4, precisionOf } from './addon.ts';
import { answersOf, batchOf } from './batch.ts';
import { parityJudge, parityMax, probeSequences } from './parity.ts';

export type ProbeResult = { readonly ok: true; readonly parity: number } | { readonly ok: false; readonly reason: string };

/** Every cell, two layers, tokens, from a state; and both directions over frames. Odd sizes on purpose: no lane, class or input count divides them. */
const SHAPES: readonly ModelShape[] = [
  ...(['lstm', 'gru', 'gru-before', 'rnn-tanh', 'rnn-relu'] as const).map((cell): ModelShape => ({ cell, vocabulary: 23, inputs: 7, layers: [19, 13], task: 'tag', outputs: 6, state: 'carry' })),
  { cell: 'lstm', vocabulary: 0, inputs: 5, layers: [11, 9], task: 'classify', bidirectional: true, outputs: 6, state: 'reset' },
  { cell: 'gru', vocabulary: 0, inputs: 5, layers: [11], task: 'regress', outputs: 3, state: 'reset' },
];
/** Int8 runs bounded cells over tokens. */
const G4_SHAPES: readonly ModelShape[] = [
  ...SHAPES.filter(({ cell, vocabulary }) => cell !== 'rnn-relu' && vocabulary > 0),
  { cell: 'gru', vocabulary: 23, inputs: 5, layers: [11, 9], task: 'regress', bidirectional: true, outputs: 6, state: 'reset' },
];
const shapesFor = (variant: string): readonly ModelShape[] => (precisionOf(variant) === 'fp32' ? SHAPES : G4_SHAPES);
const SEQUENCES = 70;
const STDERR_CHARACTERS_MAX = 2000;

interface ChildAnswer { readonly h: Float32Array; readonly c: Float32Array; readonly labels: Int32Array; readonly values: Float32Array; readonly confidence: Float32Array }
interface ChildAnswers { readonly error?: string; readonly answers: readonly ChildAnswer[] }

/** What the child is to load and run for one shape, and the judge of what it answers. */
function examination(shape: ModelShape, variant: string): { readonly run: object; readonly judge: (answer: ChildAnswer) => number } {
  const model = sampleModel(shape, 0.4, randomFrom(11));
  const probes = probeSequences(model);
  const sequences = Array.from({ length: SEQUENCES }, (_, at) => probes[at % probes.length]!);
  const batch = batchOf(sequences, shape, true, 1);
  const precision = precisionOf(variant);
  const [, ...load] = precision === 'fp32' ? loadArguments(variant, pack(model)) : loadArgumentsG4(variant, packG4(quantise(model), model.mask));
  const judge = parityJudge(model, probes, precision);
  return {
    run: { load, batch },
    judge: (answer) => Math.max(...answersOf({ ...batch, ...answer }, shape, SEQUENCES).map((one, at) => judge(at % probes.length, one))),
  };
}

/** Never rejects: what goes wrong is the reason. */
export async function probe(file: string, variant: string, { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {}): Promise<ProbeResult> {
  if (!existsSync(file)) return { ok: false, reason: `${file} does not exist (not built)` };
  const shapes = shapesFor(variant);
  const examinations = shapes.map((shape) => examination(shape, variant));
  const answer = await inChild({ file, variant, runs: examinations.map(({ run }) => run) }, timeoutMs);
  if (typeof answer === 'string') return { ok: false, reason: answer };
  const parities = examinations.map(({ judge }, at) => judge(answer.answers[at]!));
  const parity = Math.max(...parities), worst = shapes[parities.indexOf(parity)]!;
  return parity <= parityMax(precisionOf(variant)) ? { ok: true, parity } : { ok: false, reason: `${variant} differs from the reference by ${parity.toExponential(1)} (${worst.cell})` };
}

/** The child's answer, or why there is none. */
function inChild(message: object, timeoutMs: number): Promise<ChildAnswers | string> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL('./probe-child.mjs', import.meta.url)), [], { execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let answer: ChildAnswers | undefined, late = false, stderr = '';
    const timer = setTimeout(() => { late = true; child.kill('SIGKILL'); }, timeoutMs);
    const end = (result: ChildAnswers | string): void => { clearTimeout(timer); resolve(result); };
    child.stderr?.on('data', (chunk) => { stderr = (stderr + String(chunk)).slice(-STDERR_CHARACTERS_MAX); });
    child.on('message', (value) => { answer = value as ChildAnswers; });
    child.on('error', (error) => { end(`the probe process could not be started: ${error.message}`); });
    child.on('close', (code, signal) => {
      if (late) end(`the probe gave no answer within ${timeoutMs} ms`);
      else if (answer === undefined) end(`the probe process died (${signal ?? `exit code ${code ?? '?'}`})${stderr === '' ? '' : `: ${stderr.trim().split('\n').at(-1) ?? ''}`}`);
      else end(answer.error ?? answer);
    });
    child.send(message, (error) => { if (error !== null) child.kill('SIGKILL'); });
  });
}
