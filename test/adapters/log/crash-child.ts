// The process that the crash test kills: it answers each request once, in transactions of varying size and out of order.
// It says when all are answered, and stops (to be killed) when it has answered `atMost` in this life.
import { systemClock } from '../../../src/adapters/clock/system.ts';
import { openEmbeddedLog } from '../../../src/adapters/log/embedded.ts';
import type { Delivery } from '../../../src/ports.ts';

const [folder, total, atMost] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const log = await openEmbeddedLog({ folder, clock: systemClock(), segmentBytes: 20_000, cacheBytes: 10_000 });
process.stdout.write(`open ${JSON.stringify(log.opened)}\n`);

let answered = 0;
for await (const { value } of log.read('predictions')) answered += Math.sign(value.length);
const waiting: Delivery[] = [];
const stopAt = answered + atMost;

log.consume({ topics: ['requests'], group: 'serve', unsettledMax: 64 }).subscribe((delivery) => {
  waiting.push(delivery);
  if (waiting.length > delivery.offset % 7) answer();
});
if (answered === total) process.stdout.write('done\n');

/** Answers the younger ones of those that wait; the older ones stay for a later turn. */
function answer(): void {
  if (answered >= stopAt) return;
  const some = waiting.splice(Math.floor(waiting.length / 3));
  const records = some.map(({ key, value }) => ({ topic: 'predictions' as const, key, value }));
  void log.transact({ group: 'serve', records, settled: some }).then(() => {
    answered += some.length;
    if (answered === total) process.stdout.write('done\n');
    else if (answered >= stopAt && answered - some.length < stopAt) process.stdout.write('enough\n');
    else setImmediate(() => { if (waiting.length > 0) answer(); });
  });
}
