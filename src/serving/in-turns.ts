/** One turn of asynchronous work at a time, over everything that has come in meanwhile. */
import type { OperatorFunction } from 'rxjs';
import { Observable } from 'rxjs';

/** Emits what each turn returns; errors as its source or a turn does; completes after the last turn. */
export const inTurns = <T, R>(work: (waiting: readonly T[]) => Promise<readonly R[]>): OperatorFunction<T, R> => (source$) =>
  new Observable<R>((subscriber) => {
    let waiting: T[] = [];
    let busy = false, ended = false;

    const turns = async (): Promise<void> => {
      try {
        await Promise.resolve();
        while (waiting.length > 0 && !subscriber.closed) {
          const taken = waiting;
          waiting = [];
          for (const result of await work(taken)) subscriber.next(result);
        }
        busy = false;
        if (ended) subscriber.complete();
      } catch (error) {
        subscriber.error(error);
      }
    };
    const start = (): void => {
      if (busy) return;
      busy = true;
      void turns();
    };

    return source$.subscribe({
      next: (item) => {
        waiting.push(item);
        start();
      },
      error: (error: unknown) => { subscriber.error(error); },
      complete: () => {
        ended = true;
        start();
      },
    });
  });
