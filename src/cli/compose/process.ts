/** What serve, steer and tune have in common: settings, the shared log, a console, a name, and an end by signal. */
import { randomBytes } from 'node:crypto';
import * as os from 'node:os';
import { systemClock } from '../../adapters/clock/system.ts';
import { prometheusMeter } from '../../adapters/meter/prometheus.ts';
import type { Settings } from '../../config/schema.ts';
import type { Health } from '../../console/server.ts';
import { startConsole } from '../../console/server.ts';
import type { Fact } from '../../facts.ts';
import type { Clock, Log, Meter } from '../../ports.ts';
import { talk } from '../print.ts';
import { openSharedLog } from './open-log.ts';
import type { SettingsOptions } from './settings.ts';
import { settingsOf } from './settings.ts';

export interface ProcessOptions extends SettingsOptions {
  readonly port?: number;
}

export interface ProcessPorts {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly meters: readonly Meter[];
  readonly instance: string;
}

/** How long a process whose work is over and closed waits for whatever is still open. */
const EXIT_MS_MAX = 1000;

/** A process at work. */
export interface Running {
  /** Rejects where it cannot go on. */
  readonly failed: Promise<never>;
  readonly health: () => Health;
  /** Ends what is in hand, and settles it. */
  stop(): Promise<void>;
}

/** Facts that are worth a line for whoever looks at the process. */
const WORTH_A_LINE: readonly Fact['kind'][] = ['ordered', 'job-done', 'job-failed', 'enlisted', 'enlist-failed', 'routed', 'retired', 'order-failed', 'decided', 'warned', 'rested', 'failed'];

function lineOf(fact: Fact): string {
  const said = Object.fromEntries(Object.entries(fact).filter(([name]) => !['kind', 'v', 'at', 'instance'].includes(name)));
  return `${new Date(fact.at).toISOString()} ${fact.kind} ${JSON.stringify(said, (key, value: unknown) => (key === 'job' || key === 'report' ? undefined : typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : value))}`;
}

/** Resolves at the first SIGINT or SIGTERM; the second ends the process at once. */
function signalled(): { readonly signal: Promise<NodeJS.Signals>; readonly off: () => void } {
  let hear: (signal: NodeJS.Signals) => void = () => undefined;
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    let asked = false;
    hear = (name) => {
      if (asked) process.exit(130);
      asked = true;
      resolve(name);
    };
  });
  process.on('SIGINT', hear).on('SIGTERM', hear);
  return { signal, off: () => { process.off('SIGINT', hear).off('SIGTERM', hear); } };
}

/**
 * Runs a process until it is signalled or fails. Throws config-invalid, broker-unreachable, broker-refused, port-in-use
 * and what the process throws.
 */
export async function runProcess(kind: 'serve' | 'steer' | 'tune', options: ProcessOptions, start: (ports: ProcessPorts) => Promise<Running>): Promise<void> {
  const { settings } = settingsOf(options, options.port === undefined ? {} : { 'console.port': options.port });
  const { signal, off } = signalled();
  const instance = `${kind}-${os.hostname()}-${randomBytes(3).toString('hex')}`;
  const log = await openSharedLog(settings, instance, (line) => { talk(`kafka: ${line}`); });
  const meter = prometheusMeter();
  const lines: Meter = { record: (fact) => { if (WORTH_A_LINE.includes(fact.kind)) talk(lineOf(fact)); } };
  let health: () => Health = () => ({ ok: false, checks: { stage: 'starting' } });
  const console_ = await startConsole({
    host: settings.console.host, port: settings.console.port, health: () => health(),
    metrics: async () => ({ text: await meter.text(), contentType: meter.contentType }),
  }).catch(async (error: unknown) => { await log.close(); throw error; });
  try {
    talk(`${instance} ${console_.url}/metrics, /healthz`);
    const running = await start({ settings, log, clock: systemClock(), meters: [meter, lines], instance });
    health = running.health;
    const why = await Promise.race([signal, running.failed]);
    talk(`${instance} ends (${why}): finishes what is in hand`);
    health = () => ({ ok: false, checks: { stage: 'stopping' } });
    await Promise.race([running.stop(), running.failed]);
  } finally {
    off();
    await log.close();
    await console_.close();
    // The Kafka client that is stopped in the middle of a rebalance may leave a socket open: all is settled, so it holds up nothing.
    setTimeout(() => process.exit(), EXIT_MS_MAX).unref();
  }
}
