// Goal: the set-up brings the libraries for a GPU where there is one, as they are pinned and no others, and can be overruled. Method: made-up machines, and small wheels by pip from an index on this machine.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../adapters/temporary.ts';
import { zip } from './zip.ts';

interface Pin { readonly requirement: string; readonly platform: string; readonly megabytes: number; readonly sha256: string }
interface Pins { readonly version: string; readonly gigabytes: number; readonly brings: object; readonly wheels: readonly Pin[] }
interface Way { readonly name: string; readonly fetch: (into: string, say: (line: string) => void) => Promise<void>; readonly libraries: (folder: string) => { readonly link: readonly string[] } }
const load = async <T>(file: string): Promise<T> => await import(pathToFileURL(path.resolve(import.meta.dirname, '..', '..', 'scripts', 'setup', file)).href) as T;
const { gpuTrace } = await load<{ gpuTrace: (root?: string, program?: string) => string | undefined }>('gpu.mjs');
const { wishOf, suits, waysInOrder } = await load<{ wishOf: (trace: () => string | undefined) => string; suits: (stamp: object, wish: string) => boolean; waysInOrder: (wish: string) => readonly Way[] }>('tensorflow.mjs');
const { gpuWay } = await load<{ gpuWay: (pins: Pins) => Way }>('tensorflow/gpu.mjs');
const { GPU, PLATFORM } = await load<{ GPU: Readonly<Record<string, Pins>>; PLATFORM: string }>('tensorflow/pins.mjs');

afterEach(() => { vi.unstubAllEnvs(); });

describe('a GPU', () => {
  const nowhere = '/nowhere/nvidia-smi';
  it.each(['proc/driver/nvidia/version', 'dev/nvidia0'])('is seen by %s', (file) => {
    const root = temporaryFolder();
    expect(gpuTrace(root, nowhere)).toBeUndefined();
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), '');
    expect(gpuTrace(root, nowhere)).toBe(path.join(root, file));
  });

  it.each([['GPU 0: NVIDIA H100', 0, 'GPU 0: NVIDIA H100'], ['No devices were found', 0, undefined], ['GPU 0: broken', 9, undefined]])('is believed of nvidia-smi that says "%s" with code %i: %s', (says, code, found) => {
    const program = path.join(temporaryFolder(), 'nvidia-smi');
    fs.writeFileSync(program, `#!/bin/sh\necho '${says}'\nexit ${code}\n`, { mode: 0o755 });
    expect(gpuTrace(temporaryFolder(), program)).toBe(found);
  });
});

describe.runIf(GPU[PLATFORM] !== undefined)('the libraries that are brought', () => {
  const names = (wish: string): readonly string[] => waysInOrder(wish).map(({ name }) => name);
  const demand = (value: string | undefined): void => { vi.stubEnv('ESPALIER_TENSORFLOW', value); vi.stubEnv('ESPALIER_CACHE', temporaryFolder()); };

  it('are those for a GPU where there is one, and those for the CPU else, or where the first cannot be had', () => {
    demand(undefined);
    expect([wishOf(() => undefined), wishOf(() => '/dev/nvidia0')]).toEqual(['cpu', 'gpu']);
    expect(names('cpu')).toEqual(['official', 'wheel']);
    expect(names('gpu')).toEqual(['gpu', 'official', 'wheel']);
  });

  it.each([['cpu', ['official', 'wheel']], ['gpu', ['gpu']], ['wheel', ['wheel']], ['official', ['official']]])('are by demand those of %s, whatever is there', (demanded, ways) => {
    demand(demanded);
    for (const trace of [undefined, '/dev/nvidia0']) expect(names(wishOf(() => trace))).toEqual(ways);
  });

  it('cannot be demanded by another name', () => {
    demand('tpu');
    expect(() => names(wishOf(() => undefined))).toThrow('not known');
  });

  it('are brought again where a GPU has come, or others are demanded, and not at every start', () => {
    const stamps = { old: { way: 'wheel' }, cpu: { way: 'wheel', wish: 'cpu' }, gpu: { way: 'gpu', wish: 'gpu' }, failed: { way: 'wheel', wish: 'gpu' } };
    const fitting = (demanded: string | undefined, wish: string): readonly string[] => { demand(demanded); return Object.entries(stamps).filter(([, stamp]) => suits(stamp, wish)).map(([name]) => name); };
    expect(fitting(undefined, 'cpu')).toEqual(['old', 'cpu']);
    expect(fitting(undefined, 'gpu')).toEqual(['gpu', 'failed']);
    expect(fitting('gpu', 'gpu')).toEqual(['gpu']);
    expect(fitting('cpu', 'cpu')).toEqual(['old', 'cpu', 'failed']);
  });

  it('are pinned by version and checksum, each once', () => {
    for (const { wheels } of Object.values(GPU)) {
      for (const { requirement, sha256 } of wheels) expect([requirement, sha256]).toEqual([expect.stringMatching(/^[a-z0-9-]+==[\d.]+$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
      expect(new Set(wheels.map(({ sha256 }) => sha256)).size).toBe(wheels.length);
    }
  });
});

interface Wheel { readonly file: string; readonly bytes: Buffer; readonly pin: Pin }

function wheelOf(project: string, version: string, tags: string, files: Readonly<Record<string, string>>): Wheel {
  const name = project.replaceAll('-', '_'), info = `${name}-${version}.dist-info`;
  const bytes = zip([
    ...Object.entries(files).map(([file, content]) => [file, content, 8] as const),
    [`${info}/METADATA`, `Metadata-Version: 2.1\nName: ${project}\nVersion: ${version}\n`, 0], [`${info}/WHEEL`, `Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: ${tags}\n`, 0], [`${info}/RECORD`, '\n', 0],
  ]);
  return { file: `${name}-${version}-${tags}.whl`, bytes, pin: { requirement: `${project}==${version}`, platform: 'manylinux2014_x86_64', megabytes: 1, sha256: createHash('sha256').update(bytes).digest('hex') } };
}

const WHEELS = [
  wheelOf('tensorflow', '9.9.9', 'cp311-cp311-manylinux2014_x86_64', { 'tensorflow/libtensorflow_cc.so.2': 'cc', 'tensorflow/libtensorflow_framework.so.2': 'framework', 'tensorflow/include/tensorflow/c/c_api.h': 'header', 'tensorflow/python/large.so': 'no' }),
  wheelOf('nvidia-cuda-nvcc-cu12', '12.0.1', 'py3-none-manylinux2014_x86_64', { 'nvidia/cuda_nvcc/bin/ptxas': '#!/bin/sh', 'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc': 'bc', 'nvidia/__init__.py': '', 'nvidia/cuda_nvcc/include/a.h': 'no' }),
  wheelOf('nvidia-cudnn-cu12', '9.0', 'py3-none-manylinux2014_x86_64', { 'nvidia/cudnn/lib/libcudnn.so.9': 'cudnn', 'nvidia/cudnn/lib/__init__.py': '' }),
];
const pinsOf = (wheels: readonly Pin[]): Pins => ({ version: '9.9.9', gigabytes: 1, brings: {}, wheels });

/** A package index of these wheels (PEP 503), and pip told of no other. Answers with what was asked for. */
async function serveIndex(): Promise<readonly string[]> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    const [, kind, name] = request.url!.split('/'), wheel = WHEELS.find(({ file, pin }) => (kind === 'simple' ? pin.requirement.split('==')[0] : file) === name);
    response.writeHead(wheel === undefined ? 404 : 200, { 'content-type': kind === 'simple' ? 'text/html' : 'application/octet-stream' });
    response.end(wheel === undefined ? '' : kind === 'simple' ? `<a href="/files/${wheel.file}">${wheel.file}</a>` : wheel.bytes);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  onTestFinished(() => { server.close(); });
  for (const [name, value] of Object.entries({ PIP_INDEX_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`, PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: undefined, PIP_EXTRA_INDEX_URL: undefined, PIP_NO_INDEX: undefined, ESPALIER_TENSORFLOW_WHEEL: undefined, http_proxy: undefined, HTTP_PROXY: undefined })) vi.stubEnv(name, value);
  return asked;
}

const filesIn = (folder: string): readonly string[] => fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();
const NEEDED = ['nvidia/cuda_nvcc/bin/ptxas', 'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc', 'nvidia/cudnn/lib/libcudnn.so.9', 'tensorflow/include/tensorflow/c/c_api.h', 'tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];

describe('the wheels for a GPU', () => {
  it('come from the index into one folder, beside one another, with what is needed of them', async () => {
    const asked = await serveIndex(), into = temporaryFolder(), said: string[] = [];
    const way = gpuWay(pinsOf(WHEELS.map(({ pin }) => pin)));
    await way.fetch(into, (line) => { said.push(line); });
    expect(filesIn(into)).toEqual(NEEDED);
    expect(fs.statSync(path.join(into, 'nvidia/cuda_nvcc/bin/ptxas')).mode & 0o111).toBe(0o111);
    expect(way.libraries(into).link.map((file) => fs.readFileSync(file, 'utf8'))).toEqual(['cc', 'framework']);
    for (const { file } of WHEELS) expect(asked.some((url) => url.startsWith(`/files/${file}`))).toBe(true);
    expect(said.join('\n')).toContain('nvidia-cudnn-cu12==9.0, 1 MB (3 of 3)');
  });

  it('are refused where one is not the pinned one, or is not to be had', async () => {
    await serveIndex();
    const [first, second] = WHEELS.map(({ pin }) => pin);
    await expect(gpuWay(pinsOf([{ ...second!, sha256: '0'.repeat(64) }])).fetch(temporaryFolder(), () => undefined)).rejects.toThrow('not the pinned');
    await expect(gpuWay(pinsOf([{ ...first!, requirement: 'tensorflow==9.9.8' }])).fetch(temporaryFolder(), () => undefined)).rejects.toThrow('pip could not fetch tensorflow==9.9.8');
  });

  it('may lie in a folder, and are checked all the same', async () => {
    const given = temporaryFolder(), into = temporaryFolder(), way = gpuWay(pinsOf(WHEELS.map(({ pin }) => pin)));
    vi.stubEnv('ESPALIER_TENSORFLOW_WHEEL', given);
    for (const { file, bytes } of WHEELS.slice(0, 2)) fs.writeFileSync(path.join(given, file), bytes);
    await expect(way.fetch(into, () => undefined)).rejects.toThrow('holds no wheel of nvidia-cudnn-cu12==9.0');
    fs.writeFileSync(path.join(given, WHEELS[2]!.file), WHEELS[2]!.bytes);
    const again = temporaryFolder();
    await way.fetch(again, () => undefined);
    expect(filesIn(again)).toEqual(NEEDED);
    fs.appendFileSync(path.join(given, WHEELS[2]!.file), 'more');
    await expect(way.fetch(temporaryFolder(), () => undefined)).rejects.toThrow('not the pinned');
  });
});
