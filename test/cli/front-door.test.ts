// Goal: the command line helps, suggests, explains and exits with the documented codes. Method: real child processes.
import { execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/adapters/digest.ts';
import { ERRORS } from '../../src/errors.ts';
import { encodeArtifact } from '../../src/model/artifact.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-cli-'));
afterAll(() => { fs.rmSync(folder, { recursive: true }); });

interface Ended { readonly code: number; readonly out: string; readonly talk: string }

function espalier(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(root, 'scripts', 'espalier.mjs'), ...args],
      { cwd: folder, env: { ...process.env, ...environment } },
      (error, out, talk) => { resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, talk }); });
  });
}

function modelFile(): string {
  const units = 3, inputs = 2, words = ['a', 'b'];
  const mask = new Uint8Array((inputs + units) * units).fill(1);
  mask[0] = 0;
  const kernel = new Float32Array((inputs + units) * 4 * units).fill(0.5);
  for (let gate = 0; gate < 4; gate++) kernel[gate * units] = 0;
  const { bytes } = encodeArtifact({
    shape: { cell: 'lstm', vocabulary: 20, inputs, layers: [units], task: 'tag', outputs: 2, state: 'carry' },
    weights: {
      embedding: new Float32Array(20 * inputs), layers: [{ kernel, bias: new Float32Array(4 * units) }],
      output: new Float32Array(units * 2), outputBias: new Float32Array(2),
    },
    mask: [mask], tokenizer: { kind: 'words', words, suffixes: [], foldCase: true }, labels: ['X', 'Y'],
    lineage: { parent: null, anchor: null, cycle: 1, density: 14 / 15, criterion: 'obs', seed: 7, trainedOn: 'nothing' },
  }, sha256);
  const file = path.join(folder, 'model.espalier');
  fs.writeFileSync(file, bytes);
  return file;
}

describe('help', () => {
  it('leads with examples and names the exit codes', async () => {
    const { code, out } = await espalier(['--help']);
    expect(code).toBe(0);
    expect(out.startsWith('Examples:\n  espalier demo')).toBe(true);
    expect(out).toContain('Exit codes: 0 done');
  });
  it('comes on stderr, as a usage error, where no command is given', async () => {
    const { code, out, talk } = await espalier([]);
    expect([code, out]).toEqual([2, '']);
    expect(talk).toContain('Usage: espalier');
  });
});

describe('usage', () => {
  it.each([
    [['inspct', 'x'], 'Did you mean inspect?'], [['errors', '--jso'], 'Did you mean --json?'],
    [['bench', 'prun'], 'did you mean prune?'], [['bench', 'kernel', '--seed', 'x'], 'whole number'], [['inspect'], "missing required argument 'file'"],
    [['config', 'show', '--set', 'loop.density'], 'path=value'],
  ])('%j ends with 2 and says %s', async (args, hint) => {
    const { code, out, talk } = await espalier(args);
    expect([code, out]).toEqual([2, '']);
    expect(talk).toContain(hint);
    expect(talk).toContain('[usage]');
    expect(talk).toContain('remedy:');
  });
});

describe('inspect', () => {
  it('prints what a model file holds, for people and as JSON', async () => {
    const file = modelFile();
    const [people, json] = await Promise.all([espalier(['inspect', file]), espalier(['inspect', file, '--json'])]);
    expect(people.out).toContain('14 of 15 connections alive, density 0.9333');
    expect(JSON.parse(json.out)).toMatchObject({
      id: sha256(fs.readFileSync(file)), bytes: fs.statSync(file).size, labels: ['X', 'Y'], vocabulary: { words: 2, rows: 20 },
      layers: [{ units: 3, inputs: 2, connections: 15, density: 14 / 15, densityOfInputs: 5 / 6, densityOfState: 1 }],
      lineage: { criterion: 'obs', cycle: 1, seed: 7 },
    });
  });

  it('refuses altered, cut, foreign, large and absent files, each with its code', async () => {
    const bytes = fs.readFileSync(modelFile());
    const made = (name: string, content: Uint8Array): string => { const file = path.join(folder, name); fs.writeFileSync(file, content); return file; };
    const altered = new Uint8Array(bytes);
    altered[altered.length - 40]! ^= 1;
    const cases: [string[], keyof typeof ERRORS][] = [
      [['inspect', made('altered', altered), '--json'], 'artifact-altered'],
      [['inspect', made('cut', bytes.subarray(0, bytes.length - 50)), '--json'], 'artifact-truncated'],
      [['inspect', made('foreign', new Uint8Array(5000).fill(65)), '--json'], 'artifact-invalid'],
      [['inspect', made('large', new Uint8Array(5000)), '--set', 'vault.artifactBytesMax=2000', '--json'], 'artifact-too-large'],
      [['inspect', path.join(folder, 'absent'), '--json'], 'data-unreadable'],
    ];
    const ends = await Promise.all(cases.map(([args]) => espalier(args)));
    ends.forEach(({ code, out, talk }, at) => {
      const expected = cases[at]![1];
      const { error } = JSON.parse(talk) as { error: { code: string; remedy: string } };
      expect([error.code, error.remedy, code, out]).toEqual([expected, ERRORS[expected].remedy, ERRORS[expected].exitCode, '']);
    });
  });
});

describe('config', () => {
  it('shows the winner and its origin', async () => {
    const { code, out } = await espalier(['config', 'show', '--origin', '--json', '--set', 'loop.density=0.3'], { ESPALIER_LOOP_CYCLES: '2' });
    const shown = JSON.parse(out) as { settings: { loop: { density: number; cycles: number } }; origins: Record<string, string> };
    expect([code, shown.settings.loop.density, shown.settings.loop.cycles]).toEqual([0, 0.3, 2]);
    expect([shown.origins['loop.density'], shown.origins['loop.cycles'], shown.origins['loop.alpha']]).toEqual(['flag', 'ESPALIER_LOOP_CYCLES', 'default']);
  });
  it('prints a sample that it accepts', async () => {
    const sample = path.join(folder, 'sample.json');
    fs.writeFileSync(sample, (await espalier(['config', 'sample'])).out);
    expect((await espalier(['config', 'show', '--config', sample])).code).toBe(0);
  });
});

describe('errors and doctor', () => {
  it('lists the whole table as JSON', async () => {
    const { out } = await espalier(['errors', '--json']);
    expect(Object.keys(JSON.parse(out) as object)).toEqual(Object.keys(ERRORS));
  });
  it('is no error when the reader stops early', async () => {
    const child = spawn(process.execPath, [path.join(root, 'scripts', 'espalier.mjs'), 'errors'], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.destroy();
    const ended = await new Promise((resolve) => { child.on('close', resolve); });
    expect(ended).toBe(0);
  });
  it('says what is there, with a remedy for all that is not well', async () => {
    const { code, out } = await espalier(['doctor', '--json', '--set', 'console.port=0']);
    const { findings } = JSON.parse(out) as { findings: { name: string; state: string; remedy: string }[] };
    expect(findings.map(({ name }) => name)).toEqual(['node', 'processor', 'memory', 'packages', 'tensorflow', 'gpu', 'kernel', 'engine', 'onnxruntime', 'cache', 'log', 'vault', 'port', 'kafka', 'test-kafka']);
    expect(findings.filter(({ state, remedy }) => (state === 'ok') !== (remedy === ''))).toEqual([]);
    expect(code).toBe(findings.some(({ state }) => state === 'missing') ? 5 : 0);
  });
});
