// The serving process that the fault test kills: a circle without a trainer on the folder it is given. It sends itself the requests
// that are not in the log yet (a log is of one process), says what was acknowledged and how many are answered, and ends when all are.
import { join } from 'node:path';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { ReferenceEngine } from '../../src/adapters/engine/reference.ts';
import { openEmbeddedLog } from '../../src/adapters/log/embedded.ts';
import { filesVault } from '../../src/adapters/vault/files.ts';
import { startCircle } from '../../src/cli/compose/circle.ts';
import { Models } from '../../src/cli/compose/models.ts';
import { randomFrom } from '../../src/support/random.ts';
import { requestsOf } from './requests.ts';
import { LIMITS, NO_TRAINER, SERVE_ONLY, answersOf, until, valuesOf } from './small-circle.ts';

const [folder, champion, sessions] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4])];
const clock = systemClock(), vault = filesVault(join(folder, 'vault'));
const log = await openEmbeddedLog({ folder: join(folder, 'log'), clock, segmentBytes: 100_000 });
const circle = await startCircle(
  { log, vault, clock, engine: new ReferenceEngine(), trainer: NO_TRAINER, meters: [], models: new Models(vault), random: randomFrom(1), instance: `process-${process.pid}` },
  { limits: LIMITS, policy: SERVE_ONLY, champion, salt: 'salt' },
);
let answered = 0;
circle.facts$.subscribe((fact) => {
  if (fact.kind !== 'batch' || fact.role !== 'champion') return;
  answered += fact.requests;
  process.stdout.write(`answered ${answered}\n`);
});
const all = requestsOf(sessions);
for (let at = (await valuesOf(log, 'requests')).length; at < all.length; at += 10) {
  await log.append(all.slice(at, at + 10));
  process.stdout.write(`acknowledged ${Math.min(at + 10, all.length)}\n`);
}
await until(async () => (await answersOf(log)).length >= all.length, circle);
await circle.stop();
await log.close();
process.stdout.write('done\n');
