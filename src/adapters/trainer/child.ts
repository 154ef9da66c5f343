/**
 * Trainer in a process of its own, started with the first job. A crash there is an error here, and the next job starts
 * a fresh process; so does one after `jobsMax` jobs or above `rssBytesMax`, because TensorFlow's memory creeps.
 */
import type { Subscriber } from 'rxjs';
import { Observable } from 'rxjs';
import { EspalierError } from '../../errors.ts';
import type { Trainer } from '../../ports.ts';
import type { TuningJob, TuningNews } from '../../pruning/job.ts';
import type { FromProcess } from './protocol.ts';
import type { ProcessOptions, TrainingProcess } from './training-process.ts';
import { startTrainingProcess } from './training-process.ts';

export interface ChildTrainerOptions extends Partial<Omit<ProcessOptions, 'setup'>>, Pick<ProcessOptions, 'setup'> {
  /** Jobs after which the process is replaced. */
  readonly jobsMax?: number;
  /** Resident memory after a job above which the process is replaced. */
  readonly rssBytesMax?: number;
}

interface Waiting { readonly run: number; readonly job: TuningJob; readonly subscriber: Subscriber<TuningNews> }

const DEFAULTS = { threads: 1, priority: 10, graceMs: 3000, jobsMax: 50, rssBytesMax: 2 * 2 ** 30 } as const;

class ChildTrainer implements Trainer {
  readonly #options: ChildTrainerOptions & typeof DEFAULTS;
  readonly #waiting: Waiting[] = [];
  #child: TrainingProcess | null = null;
  #running: Waiting | null = null;
  #ending: Promise<void> = Promise.resolve();
  #jobs = 0;
  #runs = 0;
  #closed = false;

  constructor(options: ChildTrainerOptions) { this.#options = { ...DEFAULTS, ...options } as ChildTrainerOptions & typeof DEFAULTS; }

  /** Of the process that is running, for tests and `doctor`. */
  get pid(): number | undefined { return this.#child?.pid; }

  tune(job: TuningJob): Observable<TuningNews> {
    return new Observable((subscriber) => {
      if (this.#closed) { subscriber.error(new EspalierError('aborted', 'The trainer is closed.')); return undefined; }
      const waiting: Waiting = { run: ++this.#runs, job, subscriber };
      this.#waiting.push(waiting);
      this.#next();
      return () => { this.#leave(waiting); };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { subscriber } of this.#waiting.splice(0)) subscriber.error(new EspalierError('aborted', 'The trainer was closed.'));
    const running = this.#running;
    if (running !== null) this.#child?.send({ kind: 'abort', run: running.run });
    this.#replace();
    this.#running = null;
    running?.subscriber.error(new EspalierError('aborted', 'The trainer was closed.'));
    await this.#ending;
  }

  #next(): void {
    if (this.#running !== null || this.#closed) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running = next;
    this.#child ??= this.#start();
    this.#jobs++;
    this.#child.send({ kind: 'job', run: next.run, job: next.job });
  }

  #start(): TrainingProcess {
    this.#jobs = 0;
    const child: TrainingProcess = startTrainingProcess(this.#options, {
      heard: (message) => { if (this.#child === child) this.#heard(message); },
      gone: (how) => { if (this.#child === child) this.#crashed(how); },
    });
    return child;
  }

  /** Gives the present process up; the next job starts another. */
  #replace(): void {
    const child = this.#child;
    this.#child = null;
    if (child !== null) this.#ending = Promise.all([this.#ending, child.end()]).then(() => undefined);
  }

  #heard(message: FromProcess): void {
    const running = this.#running;
    if (running === null || message.run !== running.run) return;
    if (message.kind === 'news') { running.subscriber.next(message.news); return; }
    this.#running = null;
    if (this.#jobs >= this.#options.jobsMax || message.rssBytes > this.#options.rssBytesMax) this.#replace();
    if (message.kind === 'done') running.subscriber.complete();
    else running.subscriber.error(new EspalierError(message.code, message.details));
    this.#next();
  }

  #crashed(how: string): void {
    const running = this.#running;
    this.#child = null;
    this.#running = null;
    running?.subscriber.error(new EspalierError('trainer-crashed', `The training process is gone: ${how}.`));
    this.#next();
  }

  /** Nobody wants the job any more. A running one is asked to stop; a process that does not is killed. */
  #leave(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) { this.#waiting.splice(at, 1); return; }
    if (this.#running !== waiting) return;
    const child = this.#child;
    child?.send({ kind: 'abort', run: waiting.run });
    const timer = setTimeout(() => { if (this.#running === waiting && this.#child === child) child?.kill(); }, this.#options.graceMs);
    timer.unref();
  }
}

export type { ChildTrainer };

export function childTrainer(options: ChildTrainerOptions): ChildTrainer {
  return new ChildTrainer(options);
}
