// Goal: settings come from defaults < file < environment < flags, with origins, and all errors at once. Method: real files, made-up environments.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { limitsOf, policyOf } from '../../src/cli/compose/settings.ts';
import { OTHER_VARIABLES, loadSettings } from '../../src/config/load.ts';
import type { Sources } from '../../src/config/load.ts';
import { ENTRIES } from '../../src/config/paths.ts';
import { sampleFile } from '../../src/config/reference.ts';
import { EspalierError } from '../../src/errors.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-config-'));
afterAll(() => { fs.rmSync(folder, { recursive: true }); });

function fileWith(text: string): string {
  const file = path.join(fs.mkdtempSync(path.join(folder, 'case-')), 'espalier.json');
  fs.writeFileSync(file, text);
  return file;
}
const load = (sources: Partial<Sources>): ReturnType<typeof loadSettings> => loadSettings({ file: null, environment: {}, flags: {}, ...sources });

function refusal(sources: Partial<Sources>): EspalierError {
  try { load(sources); } catch (error) { if (error instanceof EspalierError) return error; throw error; }
  throw new Error('it was accepted');
}

describe('layers', () => {
  it('gives the documented defaults where nothing is set', () => {
    const { settings, origins } = load({});
    expect(settings.serving).toMatchObject({ unsettledMax: 512, batchMax: 128, stepsMax: 2000, statesDurable: true });
    expect(settings.loop).toMatchObject({ margin: 0.01, alpha: 0.05, density: 0.1, cycles: 3, criterion: 'obs', reconstruct: true });
    expect([...origins.values()].every((origin) => origin === 'default')).toBe(true);
    expect(limitsOf(settings)).toBe(settings.serving);
    expect(policyOf(settings)).toEqual({ ...settings.loop, training: { ...settings.loop.training, errorMax: settings.serving.errorMax } });
  });

  it('lets the later layer win, and keeps the origin of each value', () => {
    const file = fileWith('{"serving":{"batchMax":10,"stepsMax":11,"sessionsMax":12},"loop":{"training":{"steps":13}}}');
    const { settings, origins } = load({
      file, environment: { ESPALIER_SERVING_STEPS_MAX: '21', ESPALIER_SERVING_SESSIONS_MAX: '22', PATH: '/bin' },
      flags: { 'serving.sessionsMax': 32 },
    });
    expect(settings.serving).toMatchObject({ batchMax: 10, stepsMax: 21, sessionsMax: 32 });
    expect(settings.loop.training.steps).toBe(13);
    expect(['serving.batchMax', 'serving.stepsMax', 'serving.sessionsMax', 'serving.pendingMax'].map((name) => origins.get(name)))
      .toEqual([file, 'ESPALIER_SERVING_STEPS_MAX', 'flag', 'default']);
  });

  it('reads numbers, truth values and lists from the environment', () => {
    const { settings } = load({ environment: {
      ESPALIER_LOOP_DENSITY: '0.25', ESPALIER_SERVING_STATES_DURABLE: 'false', ESPALIER_LOOP_RUNGS: '[{"share":1,"blocksMin":5,"msMin":0}]',
    } });
    expect([settings.loop.density, settings.serving.statesDurable, settings.loop.rungs]).toEqual([0.25, false, [{ share: 1, blocksMin: 5, msMin: 0 }]]);
  });

  it('takes no notice of what Kubernetes adds for a service of our name', () => {
    const { settings } = load({ environment: {
      ESPALIER_SERVICE_HOST: '10.0.0.1', ESPALIER_PORT: 'tcp://10.0.0.1:9464', ESPALIER_PORT_9464_TCP_PORT: '9464',
      ESPALIER_CONSOLE_PORT: 'tcp://10.0.0.1:9464', ESPALIER_CONSOLE_SERVICE_PORT: '9464',
    } });
    expect(settings.console.port).toBe(9464);
  });

  it('accepts its own sample file, which holds every setting', () => {
    const { settings, origins } = load({ file: fileWith(sampleFile()) });
    expect(settings).toEqual(load({}).settings);
    expect([...origins.values()].includes('default')).toBe(false);
  });
});

describe('errors', () => {
  it('names all of them at once, with origin, bounds and the nearest name', () => {
    const error = refusal({
      file: fileWith('{"serving":{"batchMx":1,"stepsMax":0},"engin":{},"__proto__":{"polluted":1},"loop":3}'),
      environment: { ESPALIER_SERVNG_BATCH_MAX: '1', ESPALIER_LOOP_CYCLES: 'many' }, flags: { 'engine.kind': 'naitve' },
    });
    expect(error.code).toBe('config-invalid');
    for (const part of ['did you mean serving.batchMax?', 'serving.stepsMax', '0 was given', 'did you mean engine?', '__proto__',
      'loop', 'is a section', 'did you mean ESPALIER_SERVING_BATCH_MAX?', '"many" was given', 'auto | native | onnxruntime | reference']) {
      expect(error.details).toContain(part);
    }
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('checks relations between settings', () => {
    const { details } = refusal({ flags: { 'serving.batchMax': 600, 'loop.cycles': 9, 'loop.rungs': [{ share: 0.5, blocksMin: 1, msMin: 0 }] } });
    expect(details).toContain('serving.batchMax must not exceed serving.unsettledMax');
    expect(details).toContain('loop.cycles must not exceed loop.cyclesMax');
    expect(details).toContain('loop.rungs must end with the share 1');
  });

  it.each([['{"a":', 'config-unreadable'], ['[1]', 'config-unreadable'], ['null', 'config-unreadable']])('refuses the file %s', (text, code) => {
    expect(refusal({ file: fileWith(text) }).code).toBe(code);
  });
  it('refuses a file that is not there', () => { expect(refusal({ file: path.join(folder, 'none.json') }).code).toBe('config-unreadable'); });

  it('accepts or refuses any JSON with a code, and never breaks', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      const file = fileWith(JSON.stringify(value));
      try { load({ file }); } catch (error) { expect(error).toBeInstanceOf(EspalierError); }
      fs.rmSync(path.dirname(file), { recursive: true });
    }), { numRuns: 200 });
  });
});

describe('the table', () => {
  it('knows every variable of ours that the program asks for', () => {
    const known = new Set([...ENTRIES.map(({ variable }) => variable), ...Object.keys(OTHER_VARIABLES)]);
    const root = path.resolve(import.meta.dirname, '..', '..');
    const files = ['src', 'scripts'].flatMap((room) => fs.readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' }).map((file) => path.join(root, room, file)))
      .filter((file) => /\.(ts|mjs)$/.test(file));
    const asked = files.flatMap((file) => [...fs.readFileSync(file, 'utf8').matchAll(/env(?:\.|\[')(ESPALIER_[A-Z0-9_]+)/g)].map((match) => match[1]!));
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
    expect(asked).toContain('ESPALIER_CACHE');
  });

  it('describes every setting, and gives each a variable of its own', () => {
    expect(ENTRIES.filter(({ description }) => !/^.{10,}\.$/.test(description)).map((entry) => entry.path)).toEqual([]);
    expect(new Set(ENTRIES.map((entry) => entry.variable)).size).toBe(ENTRIES.length);
    expect(ENTRIES.find((entry) => entry.path === 'serving.batchMax')).toMatchObject({ variable: 'ESPALIER_SERVING_BATCH_MAX', unit: 'sequences', fallback: 128 });
  });

  it('finds each setting again through its variable', () => {
    for (const { path: name, variable, fallback } of ENTRIES) {
      const text = typeof fallback === 'string' ? fallback : JSON.stringify(fallback);
      expect(load({ environment: { [variable]: text } }).origins.get(name)).toBe(variable);
    }
  });
});
