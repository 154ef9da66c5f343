// Goal: a job of the shared log is answered once, whoever did it, and never begun again when its end is known. Method: the tuning process over the memory log, with trainers made for the case.
import { EMPTY, NEVER, Observable, Subject, of } from 'rxjs';
import { expect, it, onTestFinished } from 'vitest';
import { simulatedClock } from '../../../src/adapters/clock/simulated.ts';
import { memoryLog } from '../../../src/adapters/log/memory.ts';
import { Tuning } from '../../../src/cli/compose/tuning.ts';
import { EspalierError } from '../../../src/errors.ts';
import type { Fact, Order } from '../../../src/facts.ts';
import { decodeFact, encodeFact } from '../../../src/loop/journal.ts';
import { nextJob } from '../../../src/loop/next-job.ts';
import { encodeOrder } from '../../../src/loop/order-record.ts';
import type { Log, LogRecord } from '../../../src/ports.ts';
import type { Device, TuningJob, TuningNews } from '../../../src/pruning/job.ts';
import { until, valuesOf } from '../../integration/small-circle.ts';
import { TAKE, fresh, policy, report } from '../../loop/support.ts';

type TuneOrder = Extract<Order, { kind: 'tune' }>;

const tuneOrder = (change: Partial<TuneOrder> = {}): TuneOrder => ({ kind: 'tune', order: 'tune-1', deadline: 60_000, job: nextJob(fresh(), policy, TAKE), ...change });
const sent = (order: Order): LogRecord => ({ topic: 'jobs', key: order.order, value: encodeOrder(order) });
const done = ({ order, deadline, job }: TuneOrder): Fact => ({ kind: 'job-done', order, deadline, candidate: { job: job.id, model: 'made elsewhere', report: report() }, v: 1, at: 5000, instance: 'elsewhere' });
const elsewhere = (order: TuneOrder): LogRecord => ({ topic: 'evidence', key: 'elsewhere', value: encodeFact(done(order)) });
const candidate = (job: TuningJob): TuningNews => ({ kind: 'candidate', candidate: { job: job.id, model: 'made here', report: report() } });

interface World { readonly log: Log; readonly tuning: Tuning; readonly begun: readonly string[]; readonly facts: readonly Fact[] }

function open(records: readonly LogRecord[], tune: (job: TuningJob) => Observable<TuningNews>): Promise<World> {
  const clock = simulatedClock(5000), log = memoryLog(clock), begun: string[] = [], facts: Fact[] = [];
  return log.append(records).then(() => {
    const trainer = { tune: (job: TuningJob) => { begun.push(job.id); return tune(job); }, close: () => Promise.resolve() };
    const tuning = new Tuning({ log, trainer, clock, meters: [{ record: (fact) => { facts.push(fact); } }], instance: 'here' });
    onTestFinished(() => { tuning.stop(); });
    return { log, tuning, begun, facts };
  });
}
const ends = async (log: Log): Promise<readonly Fact[]> => (await valuesOf(log, 'evidence')).map(decodeFact);

it('does a job once, and answers with its candidate', async () => {
  const order = tuneOrder();
  const { log, begun } = await open([sent(order), sent({ ...order })], (job) => of(candidate(job)));
  await log.append([sent(tuneOrder({ order: 'tune-2' }))]);
  await until(async () => (await ends(log)).length >= 2);
  expect(begun).toHaveLength(2);
  expect((await ends(log)).map((fact) => fact.kind === 'job-done' && [fact.order, fact.candidate.model])).toEqual([['tune-1', 'made here'], ['tune-2', 'made here']]);
});

it('does not begin a job whose end is in the log already', async () => {
  const first = tuneOrder();
  const { log, begun } = await open([sent(first), elsewhere(first), sent(tuneOrder({ order: 'tune-2' }))], (job) => of(candidate(job)));
  await until(async () => (await ends(log)).length >= 2);
  expect(begun).toHaveLength(1);
  expect((await ends(log)).map((fact) => 'order' in fact && fact.order)).toEqual(['tune-1', 'tune-2']);
});

it('does a job of the same name from another journal', async () => {
  const { log, begun } = await open([elsewhere(tuneOrder({ deadline: 50_000 })), sent(tuneOrder())], (job) => of(candidate(job)));
  await until(async () => (await ends(log)).length >= 2);
  expect(begun).toHaveLength(1);
});

it('throws its candidate away where another process was first', async () => {
  const order = tuneOrder(), news = new Subject<TuningNews>();
  const { log, tuning, begun } = await open([sent(order), sent(tuneOrder({ order: 'tune-2', job: { ...order.job, cycle: 2 } }))], (job) => (job.cycle === 1 ? news : NEVER));
  await until(() => tuning.job !== null && begun.length === 1);
  await log.append([elsewhere(order)]);
  news.next(candidate(order.job));
  news.complete();
  await until(() => begun.length === 2);
  expect(await ends(log)).toEqual([done(order)]);
});

it('hands a refusal on by its code, and tells where it computes', async () => {
  const device: Device = { device: 'cpu', tensorflow: '2.13.1', gpu: null, driver: null, cuda: null, cudnn: null };
  const { log, tuning, facts } = await open([sent(tuneOrder())], () => new Observable((subscriber) => {
    subscriber.next({ kind: 'device', device });
    subscriber.error(new EspalierError('gpu-missing', 'on purpose'));
  }));
  await until(async () => (await ends(log)).length === 1);
  expect((await ends(log))[0]).toMatchObject({ kind: 'job-failed', order: 'tune-1', code: 'gpu-missing' });
  expect(tuning.device).toEqual(device);
  expect(facts.map((fact) => (fact.kind === 'job-news' ? fact.news.kind : fact.kind))).toEqual(['device', 'job-failed']);
});

it('gives a job up at its deadline, and says so when the trainer brings none', async () => {
  const { log } = await open([sent(tuneOrder({ deadline: 4000 })), sent(tuneOrder({ order: 'tune-2' }))], () => EMPTY);
  await until(async () => (await ends(log)).length === 1);
  expect((await ends(log))[0]).toMatchObject({ kind: 'job-failed', order: 'tune-2', code: 'aborted' });
});
