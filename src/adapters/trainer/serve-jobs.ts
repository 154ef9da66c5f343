/** The training process's side of the channel: jobs one at a time, news as they come, an end with the parent. */
import process from 'node:process';
import { EspalierError } from '../../errors.ts';
import type { Candidate, TuningJob, TuningNews } from '../../pruning/job.ts';
import type { FromProcess, ToProcess, TrainingSetup } from './protocol.ts';

/** Runs a job, which is as unchecked as it came. */
export type RunJob = (job: TuningJob, context: { readonly say: (news: TuningNews) => void; readonly signal: AbortSignal }) => Promise<Candidate>;

/** Exit code of a process that ended by SIGTERM. */
const TERMINATED = 143;

const asFailure = (error: unknown): EspalierError => (error instanceof EspalierError ? error : new EspalierError('trainer-failed', error instanceof Error ? error.message : String(error), error));

/**
 * Serves this process's IPC channel until the parent goes. `open` is called once, with the set-up that comes first; if
 * it throws, so does every job. SIGTERM cancels the job and ends the process; SIGINT is left to the parent, since a
 * terminal sends it to both.
 */
export function serveJobs(open: (setup: TrainingSetup) => Promise<RunJob>): void {
  const send = (message: FromProcess): void => { if (process.connected) process.send!(message); };
  const controllers = new Map<number, AbortController>();
  let opened: Promise<RunJob> | undefined;
  let queue: Promise<void> = Promise.resolve();

  async function run(number: number, job: TuningJob, signal: AbortSignal): Promise<void> {
    try {
      if (opened === undefined) throw new EspalierError('trainer-failed', 'A job came before the set-up.');
      const candidate = await (await opened)(job, { say: (news) => { send({ kind: 'news', run: number, news }); }, signal });
      send({ kind: 'news', run: number, news: { kind: 'candidate', candidate } });
      send({ kind: 'done', run: number, rssBytes: process.memoryUsage().rss });
    } catch (error) {
      const { code, details } = asFailure(error);
      send({ kind: 'failed', run: number, code, details, rssBytes: process.memoryUsage().rss });
    } finally {
      controllers.delete(number);
    }
  }

  process.on('message', (message: ToProcess) => {
    if (message.kind === 'setup') {
      opened = open(message.setup);
      opened.catch(() => undefined); // every job reports it
    } else if (message.kind === 'abort') controllers.get(message.run)?.abort();
    else {
      const controller = new AbortController();
      controllers.set(message.run, controller);
      queue = queue.then(() => run(message.run, message.job, controller.signal));
    }
  });
  process.on('SIGINT', () => undefined);
  process.once('SIGTERM', () => {
    for (const controller of controllers.values()) controller.abort();
    void queue.then(() => process.exit(TERMINATED));
  });
  process.once('disconnect', () => process.exit(0));
}
