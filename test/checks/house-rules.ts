/** The rules of the house as data: who may import whom, what is forbidden where. Checked by `test/tidy.test.ts`. */

interface Row {
  /** Rooms, or single files of rooms, that may be imported. */
  readonly rooms: readonly string[];
  readonly packages?: readonly string[];
  /** Whether Node's own modules may be used; the thinking rooms get what they need as arguments. */
  readonly node?: boolean;
}

const BASE = ['support', 'errors'];
/** The types that facts are made of. */
const IN_FACTS = ['traffic/request.ts', 'rollout/roster.ts', 'loop/orders.ts', 'pruning/job.ts'];
const ADAPTER = [...BASE, 'model', 'traffic', 'evidence', 'facts', 'ports', 'pruning/job.ts', 'rollout/roster.ts', 'adapters/files', 'adapters/digest.ts'];

/** Every room with a row; a room may always import itself. `cli` may import everything, and nobody imports `cli`. */
export const IMPORTS: Readonly<Record<string, Row>> = {
  'support': { rooms: ['errors'] },
  'errors': { rooms: [] },
  'model': { rooms: BASE },
  'model/onnx': { rooms: [...BASE, 'model'], packages: ['@bufbuild/protobuf'] },
  'traffic': { rooms: [...BASE, 'model'] },
  'evidence': { rooms: [...BASE, 'model', 'traffic'] },
  'pruning': { rooms: [...BASE, 'model', 'evidence'] },
  'rollout': { rooms: [...BASE, 'model', 'evidence'] },
  'facts': { rooms: [...BASE, 'model', 'traffic', 'evidence', 'pruning/job.ts', 'rollout', 'loop/orders.ts'] },
  'ports': { rooms: [...BASE, 'model', 'traffic', 'evidence', 'pruning/job.ts', 'rollout', 'loop/orders.ts', 'facts'], packages: ['rxjs'] },
  'loop': { rooms: [...BASE, 'model', 'evidence', 'pruning/job.ts', 'pruning/schedule.ts', 'rollout', 'facts', 'ports'] },
  'loop/drive.ts': { rooms: [...BASE, 'loop', 'facts', 'ports'], packages: ['rxjs'] },
  'serving': { rooms: [...BASE, 'model', 'traffic', 'evidence', 'pruning/carry.ts', 'rollout', 'facts', 'ports'], packages: ['rxjs'], node: true },
  'tuning': { rooms: [...BASE, 'model', 'traffic', 'evidence', 'pruning', 'facts', 'ports'], packages: ['rxjs', '@tensorflow/tfjs-node'], node: true },
  'metrics': { rooms: [...BASE, ...IN_FACTS, 'facts', 'ports'] },
  'adapters/files': { rooms: BASE, node: true },
  'adapters/digest.ts': { rooms: BASE, node: true },
  'adapters/log': { rooms: ADAPTER, packages: ['rxjs', 'kafkajs'], node: true },
  'adapters/vault': { rooms: ADAPTER, packages: ['rxjs'], node: true },
  'adapters/workbench': { rooms: ADAPTER, node: true },
  'adapters/clock': { rooms: ADAPTER, packages: ['rxjs'], node: true },
  'adapters/engine': { rooms: [...ADAPTER, 'model/onnx'], packages: ['rxjs', 'onnxruntime-node'], node: true },
  'adapters/trainer': { rooms: ADAPTER, packages: ['rxjs'], node: true },
  'adapters/meter': { rooms: [...ADAPTER, 'metrics'], packages: ['rxjs', 'prom-client'], node: true },
  'console': { rooms: [...BASE, ...IN_FACTS, 'model', 'evidence', 'rollout', 'loop/state.ts', 'facts', 'ports', 'metrics'], packages: ['rxjs'], node: true },
  'config': { rooms: BASE, packages: ['zod'], node: true },
};

/** Packages that stay in one room each, however they are asked for. */
export const ONE_ROOM: Readonly<Record<string, string>> = {
  'kafkajs': 'adapters/log', '@tensorflow/tfjs-node': 'tuning', 'prom-client': 'adapters/meter',
  'onnxruntime-node': 'adapters/engine', '@bufbuild/protobuf': 'model/onnx',
};

/** Time, chance and the world are arguments; only these rooms may reach for them. */
export const WORLDLY = ['adapters', 'cli'];
export const FORBIDDEN_GLOBALS = ['Date.now', 'Math.random', 'process.env', 'setTimeout', 'setInterval', 'console'];

export const FILE_LINES_MAX = 300;
export const FUNCTION_LINES_MAX = 60;
export const SUPPORT_FILES_MAX = 6;
export const BAD_WORDS = /utils|Manager|Service|Helper/;

/** The room of a file below src: the longest name of the table that fits, else the first folder (or the file). */
export function roomOf(file: string): string {
  const inside = file.replace(/^src\//, '');
  if (inside === 'cli.ts' || inside.startsWith('cli/')) return 'cli';
  const fits = Object.keys(IMPORTS).filter((room) => inside === room || inside === `${room}.ts` || inside.startsWith(`${room}/`));
  return fits.sort((a, b) => b.length - a.length)[0] ?? inside.split('/')[0]!;
}

/** Whether a file may import another file of ours. */
export function mayImport(from: string, to: string): boolean {
  const room = roomOf(from);
  if (room === 'cli') return true;
  const target = roomOf(to);
  if (target === room) return true;
  // The parts of one room: `loop/drive.ts` is apart only in what it may import.
  if (target.startsWith(`${room}/`) && !room.startsWith('adapters')) return false;
  const inside = to.replace(/^src\//, '');
  return (IMPORTS[room]?.rooms ?? []).some((allowed) => allowed === target || allowed === inside);
}
