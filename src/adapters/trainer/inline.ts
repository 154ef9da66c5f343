/** A trainer in this process: for tests and benches, where a crash may end everything and the event loop may wait. */
import { Observable } from 'rxjs';
import { EspalierError } from '../../errors.ts';
import type { Trainer } from '../../ports.ts';
import type { RunJob } from './serve-jobs.ts';

/** Jobs run one at a time in the order in which they were subscribed to. */
export function inlineTrainer(run: RunJob): Trainer {
  let queue: Promise<void> = Promise.resolve();
  const running = new Set<AbortController>();
  let closed = false;
  return {
    tune: (job) => new Observable((subscriber) => {
      const controller = new AbortController();
      running.add(controller);
      queue = queue.then(async () => {
        if (subscriber.closed) return;
        try {
          if (closed || controller.signal.aborted) throw new EspalierError('aborted');
          const candidate = await run(job, { say: (news) => { subscriber.next(news); }, signal: controller.signal });
          subscriber.next({ kind: 'candidate', candidate });
          subscriber.complete();
        } catch (error) {
          subscriber.error(error instanceof EspalierError ? error : new EspalierError('trainer-failed', error instanceof Error ? error.message : String(error), error));
        } finally {
          running.delete(controller);
        }
      });
      return () => { controller.abort(); };
    }),
    close: async () => {
      closed = true;
      for (const controller of running) controller.abort();
      await queue;
    },
  };
}
