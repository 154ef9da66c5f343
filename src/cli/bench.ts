/** `espalier bench NAME`: a table of benches, each loaded only when it is run. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { EspalierError } from '../errors.ts';
import { nearest } from '../config/nearest.ts';

export interface BenchOptions {
  /** Folder of data sets, or undefined where the bench needs none. */
  readonly data?: string;
  /** Python interpreter, to compare with what its packages do. */
  readonly python?: string;
  /** File that the figures are written to. */
  readonly json?: string;
  readonly seed: number;
  /** Smaller, for a look at whether it works; the figures are not comparable. */
  readonly quick: boolean;
  /** Names of tasks, with commas; all where left out. */
  readonly task?: string;
  /** Folder for pictures. */
  readonly svg?: string;
  /** CPU minutes of one training at most. */
  readonly minutes?: number;
}

interface Bench {
  readonly says: string;
  readonly run: (options: BenchOptions) => Promise<void>;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  prune: {
    says: 'how far pruning goes, beside a random cut and small dense networks: intents, tags, characters, spoken digits (--data: the folder with clinc150, fsdd, tinyshakespeare; --json FILE goes on where it ended; --task, --minutes, --svg)',
    run: async (options) => { await (await import('./bench/prune.ts')).runPruneBench(options); },
  },
  evidence: {
    says: 'does live evidence matter: pruned by the traffic, by the training set, by magnitude; mask fixed or regrown when the traffic moves (--data: the folder with clinc150; --json FILE goes on where it ended)',
    run: async (options) => { await (await import('./bench/evidence.ts')).runEvidenceBench(options); },
  },
  gate: {
    says: 'error rates of the promotion gate, by simulation',
    run: async (options) => { await (await import('./bench/gate.ts')).runGateBench(options); },
  },
  kernel: {
    says: 'lane-steps per second of the kernels by density, against onnxruntime (--python: and OpenVINO, PyTorch; --data: CLINC150 lengths too)',
    run: async (options) => { await (await import('./bench/kernel/run.ts')).runKernelBench(options); },
  },
  moments: {
    says: 'CPU time that the moments of live activity cost, by pairs of runs with and without them',
    run: async (options) => { await (await import('./bench/moments.ts')).runMomentsBench(options); },
  },
  swap: {
    says: 'latency, lost and doubled requests, memory and handles over 100 swaps under load',
    run: async (options) => { await (await import('./bench/swap.ts')).runSwapBench(options); },
  },
  train: {
    says: 'tokens per second of training by cell and batch, memory over 5,000 steps (--python: an interpreter with tensorflow, for Keras beside it)',
    run: async (options) => { await (await import('./bench/train.ts')).runTrainBench(options); },
  },
  digits: {
    says: 'handwritten digits by rows: a dense LSTM, then pruned to 0.8, 0.5 and 0.2, compiled and trained again (--data: another folder with the files of MNIST)',
    run: async (options) => { await (await import('./bench/digits.ts')).runDigitsBench(options); },
  },
};

const names = Object.keys(BENCHES);

function seedOf(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) throw new InvalidArgumentError('A whole number from 0 to 4294967295 is wanted.');
  return seed;
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= 10_000)) throw new InvalidArgumentError('A number above 0 is wanted.');
  return minutes;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description(`measure: ${names.join(', ')}`)
    .argument('<name>', names.join(' | '))
    .option('--data <dir>', 'folder of data sets')
    .option('--python <path>', 'Python interpreter, to compare with what its packages do')
    .option('--json <file>', 'write the figures to a file')
    .addOption(new Option('--seed <n>', 'seed of everything that is drawn').argParser(seedOf).default(1))
    .option('--quick', 'smaller, for a look at whether it works', false)
    .option('--task <names>', 'prune: only these tasks, with commas')
    .option('--svg <dir>', 'prune: folder for curves of accuracy against speed')
    .addOption(new Option('--minutes <n>', 'prune: CPU minutes of one training at most (20)').argParser(minutesOf))
    .addHelpText('after', `\nBenches:\n${names.map((name) => `  ${name.padEnd(10)}${BENCHES[name]!.says}`).join('\n')}\n\nExample:\n  espalier bench kernel --json kernel.json`)
    .action(async (name: string, options: BenchOptions) => {
      const bench = BENCHES[name];
      if (bench === undefined) {
        const hint = nearest(name, names);
        throw new EspalierError('usage', `There is no bench ${name}; ${hint === undefined ? `there are ${names.join(', ')}` : `did you mean ${hint}?`}`);
      }
      await bench.run(options);
    });
}
