// What every set-up step shares: where things are, what it says, how it runs a program. Runs before any package is there.
import { spawn, spawnSync } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What was downloaded and compiled is kept here, outside node_modules, because `npm ci` deletes that. */
export const cacheFolder = () => path.resolve(process.env.ESPALIER_CACHE
  ?? path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'espalier'));

/** Talk goes to stderr, so that stdout stays data. */
export const say = (line) => { process.stderr.write(`setup: ${line}\n`); };

/** A set-up step that cannot go on; the remedy is for the reader at the terminal. */
export class SetupError extends Error {
  constructor(message, remedy) {
    super(message);
    this.name = 'SetupError';
    this.remedy = remedy;
  }
}

/** Seconds since `started`, for a progress line. */
export const seconds = (started) => `${((Date.now() - started) / 1000).toFixed(1)} s`;

/** Does the work, and says every five seconds that it is still at it. */
export async function withHeartbeat(line, work) {
  const started = Date.now();
  const beat = setInterval(() => say(`${line()} (${seconds(started)})`), 5000);
  try { return await work(); } finally { clearInterval(beat); }
}

/**
 * Runs a program to its end. Never rejects: { ok, out } with the last 20,000 characters of stdout and stderr together.
 * `limitMs` ends it with SIGKILL.
 */
export const run = (command, args, { limitMs = 0, ...options } = {}) => new Promise((resolve) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let out = '';
  let timedOut = false;
  const keep = (data) => { out = (out + data).slice(-20_000); };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const timer = limitMs > 0 ? setTimeout(() => { timedOut = true; child.kill('SIGKILL'); }, limitMs) : undefined;
  child.on('error', (error) => { clearTimeout(timer); resolve({ ok: false, out: String(error), timedOut }); });
  child.on('close', (code, signal) => {
    clearTimeout(timer);
    resolve({ ok: code === 0, timedOut, out: signal ? `${out}\n${command}: ERROR ended by ${signal}` : out });
  });
});

/** The line of a program's output that says what went wrong. */
export function errorLine(out) {
  const lines = out.split('\n').map((line) => line.trim()).filter(Boolean);
  return lines.find((line) => /Error:|ERROR|error:|ERR!/.test(line)) ?? lines.at(-1) ?? 'no output';
}

/** The first of these commands ([program, ...arguments]) that answers to --version. */
export const firstThatRuns = (commands) => commands.find(
  ([program, ...args]) => spawnSync(program, [...args, '--version'], { stdio: 'ignore' }).status === 0);
