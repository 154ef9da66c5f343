// Goal: the set-up does what is needed, once, and trusts nothing it did not check. Method: its steps on made-up checkouts, locks and archives.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { zip } from './zip.ts';

type Functions = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
const scripts = path.resolve(import.meta.dirname, '..', '..', 'scripts');
const load = async (file: string): Promise<Functions> => await import(pathToFileURL(path.join(scripts, file)).href) as Functions;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-setup-'));
afterAll(() => { fs.rmSync(folder, { recursive: true }); });
const fresh = (): string => fs.mkdtempSync(path.join(folder, 'case-'));
const write = (file: string, content: string | Uint8Array): string => {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
  return file;
};

describe('packages', () => {
  const entry = { version: '1.0.0', integrity: 'sha512-x' };
  const checkout = (wanted: object, installed: object | undefined, placed: readonly string[]): string => {
    const root = fresh();
    write(path.join(root, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }));
    if (installed !== undefined) write(path.join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
    for (const name of placed) write(path.join(root, name, 'package.json'), '{}');
    return root;
  };

  it.each([
    ['as the lock file says', { 'node_modules/a': entry }, { 'node_modules/a': entry }, ['node_modules/a'], true],
    ['nothing installed', { 'node_modules/a': entry }, undefined, [], false],
    ['an older version', { 'node_modules/a': entry }, { 'node_modules/a': { ...entry, version: '0.9.0' } }, ['node_modules/a'], false],
    ['other content', { 'node_modules/a': entry }, { 'node_modules/a': { ...entry, integrity: 'sha512-y' } }, ['node_modules/a'], false],
    ['a folder removed by hand', { 'node_modules/a': entry }, { 'node_modules/a': entry }, [], false],
    ['a package of another platform', { 'node_modules/b': { ...entry, optional: true } }, {}, [], true],
  ])('%s', async (_, wanted, installed, placed, complete) => {
    const { packagesComplete } = await load('setup/packages.mjs');
    expect(packagesComplete!(checkout(wanted, installed, placed))).toBe(complete);
  });

  it('are npm\'s business where there is no lock file', async () => {
    expect((await load('setup/packages.mjs')).packagesComplete!(fresh())).toBe(true);
  });
});

describe('lock', () => {
  /** Ten processes, each adds one to a counter in a file by reading, waiting for the event loop, and writing. */
  it('lets one process at a time do its work, and clears away the lock of a dead one', async () => {
    const cache = fresh();
    const counter = write(path.join(cache, 'counter'), '0');
    const dead = Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
    write(path.join(cache, 'locks', `${createHash('sha256').update('x').digest('hex').slice(0, 16)}.pid`), String(dead));
    const program = `
      import * as fs from 'node:fs';
      const { withLock } = await import(process.argv[1]);
      await withLock('x', async () => {
        const value = Number(fs.readFileSync(process.argv[2], 'utf8'));
        await new Promise((resolve) => { setImmediate(resolve); });
        fs.writeFileSync(process.argv[2], String(value + 1));
      });`;
    const ends = await Promise.all(Array.from({ length: 4 }, () => new Promise((resolve) => {
      spawn(process.execPath, ['--input-type=module', '-e', program, pathToFileURL(path.join(scripts, 'setup/lock.mjs')).href, counter],
        { env: { ...process.env, ESPALIER_CACHE: cache }, stdio: 'ignore' }).on('close', resolve);
    })));
    expect([ends, fs.readFileSync(counter, 'utf8')]).toEqual([[0, 0, 0, 0], '4']);
    expect(fs.readdirSync(path.join(cache, 'locks'))).toEqual([]);
  });
});

describe('archives', () => {
  it('gives the wanted entries, stored or deflated, and no others', async () => {
    const { unzip } = await load('setup/tensorflow/unzip.mjs');
    const into = fresh();
    const file = write(path.join(fresh(), 'a.zip'), zip([['t/a.h', 'stored', 0], ['t/b.h', 'deflated '.repeat(999), 8], ['t/c.py', 'no', 0], ['t/empty.h', '', 0]]));
    await unzip!(file, (name: string) => name.endsWith('.h'), into);
    expect(fs.readdirSync(path.join(into, 't')).sort()).toEqual(['a.h', 'b.h', 'empty.h']);
    expect(fs.readFileSync(path.join(into, 't/a.h'), 'utf8')).toBe('stored');
    expect(fs.readFileSync(path.join(into, 't/b.h'), 'utf8')).toBe('deflated '.repeat(999));
  });
  it('refuses a path that leaves the folder, and what is no zip file', async () => {
    const { unzip } = await load('setup/tensorflow/unzip.mjs');
    const bad = write(path.join(fresh(), 'bad.zip'), zip([['../evil.h', 'x', 0]]));
    await expect(unzip!(bad, () => true, fresh())).rejects.toThrow('bad path');
    await expect(unzip!(write(path.join(fresh(), 'no.zip'), 'x'.repeat(100)), () => true, fresh())).rejects.toThrow('not a zip file');
  });
  it('refuses a download with another checksum', async () => {
    const { demandSha256 } = await load('setup/tensorflow/library.mjs');
    const file = write(path.join(fresh(), 'library.tar.gz'), 'content');
    await demandSha256!(file, createHash('sha256').update('content').digest('hex'));
    await expect(demandSha256!(file, '0'.repeat(64))).rejects.toThrow('not the pinned');
  });
});

describe('the stamp of TensorFlow', () => {
  it('holds only as long as binding and library are what they were', async () => {
    const [{ stampOf }, { bindingFile }] = await Promise.all([load('setup/tensorflow.mjs'), load('setup/tensorflow/binding.mjs')]);
    const root = fresh();
    const binding = write(bindingFile!(root) as string, 'binary');
    const library = write(path.join(root, 'cache', 'complete'), 'x');
    const { size, mtimeMs } = fs.statSync(binding);
    const stamp = { key: `${size} ${mtimeMs} ${process.version} ${process.platform}-${process.arch}`, way: 'wheel', version: '2.13.1', library };
    write(path.join(root, 'node_modules', '.espalier', 'tensorflow.json'), JSON.stringify(stamp));
    expect(stampOf!(root)).toEqual(stamp);
    fs.rmSync(library);
    expect(stampOf!(root)).toBeUndefined();
    write(library, 'x');
    write(binding, 'another');
    expect(stampOf!(root)).toBeUndefined();
  });
});

it('each command line asks for no more than it needs', async () => {
  const { stepsFor } = await load('setup/steps.mjs');
  const needs = (line: string): unknown => stepsFor!(line.split(' '));
  expect(['demo --help', 'inspect x', 'doctor', 'bench gate', ''].map(needs)).toEqual(Array(5).fill(['packages']));
  expect(needs('bench kernel --quick')).toEqual(['packages', 'kernel']);
  expect(['demo', 'bench prune'].map(needs)).toEqual(Array(2).fill(['packages', 'kernel', 'tensorflow']));
});

describe('the demands on a report of the demo', () => {
  const judge = (report: object): string => {
    const file = write(path.join(fresh(), 'report.json'), JSON.stringify(report));
    try { return execFileSync(process.execPath, [path.join(scripts, 'check-demo.mjs'), file], { encoding: 'utf8' }).trim().split('\n').at(-1)!; } catch (error) {
      return (error as { stdout: string }).stdout.trim().split('\n').at(-1)!;
    }
  };
  const good = { requests: { sent: 9, answered: 9, lost: 0, doubled: 0 }, promotions: 1, dense: { accuracy: 0.9 }, final: { accuracy: 0.9, density: 0.2 } };
  it('are met by a good one', () => { expect(judge(good)).toBe('6 passed, 0 failed'); });
  it.each([
    [{ ...good, promotions: 0 }, 1], [{ ...good, final: { accuracy: 0.9, density: 0.31 } }, 1], [{ ...good, requests: { sent: 9, answered: 8, lost: 1, doubled: 0 } }, 2],
    [{ ...good, dense: { accuracy: null } }, 1], [{}, 6],
  ])('are not met by %j', (report, failed) => { expect(judge(report)).toBe(`${6 - failed} passed, ${failed} failed`); });
});
