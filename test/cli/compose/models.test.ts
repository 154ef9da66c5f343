// Goal: a model is served only if its bytes are the ones that its id names. Method: files altered, cut and exchanged on disk, and a vault that gives wrong bytes.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/adapters/digest.ts';
import { filesVault } from '../../../src/adapters/vault/files.ts';
import { memoryVault } from '../../../src/adapters/vault/memory.ts';
import { Models } from '../../../src/cli/compose/models.ts';
import { encodeArtifact } from '../../../src/model/artifact.ts';
import type { Vault } from '../../../src/ports.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';
import { draftOf, tagShape } from '../../tuning/samples.ts';

/** The file of a model in a vault of files. */
function fileOf(folder: string): string {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(found).toHaveLength(1);
  return join(found[0]!.parentPath, found[0]!.name);
}

describe('the models of a process', () => {
  it('are stored, loaded once, known then, and unknown when forgotten', async () => {
    let gets = 0;
    const vault = memoryVault();
    const models = new Models({ ...vault, get: (ref) => { gets++; return vault.get(ref); } });
    const draft = draftOf(tagShape, 1);
    const model = await models.store(draft);
    expect(model.id).toBe(encodeArtifact(draft, sha256).id);
    expect(model.weights).toEqual(draft.weights);
    expect(await models.load(model.id)).toBe(model);
    expect(models.get(model.id)).toBe(model);
    expect(gets).toBe(1);
    models.forget(model.id);
    expect(() => models.get(model.id)).toThrowError(expect.objectContaining({ code: 'model-unknown' }) as Error);
    expect((await models.load(model.id)).weights).toEqual(draft.weights);
  });

  it('are refused where a single bit of the file has changed, or its end is missing', async () => {
    const folder = temporaryFolder();
    const vault = filesVault(folder);
    const { id } = await new Models(vault).store(draftOf(tagShape, 1));
    const file = fileOf(folder), good = readFileSync(file);
    for (const at of [0, 100, good.length >> 1, good.length - 1]) {
      writeFileSync(file, good.map((byte, i) => (i === at ? byte ^ 1 : byte)));
      const models = new Models(vault);
      await expect(models.load(id)).rejects.toMatchObject({ code: 'vault-altered' });
      expect(() => models.get(id)).toThrow();
    }
    writeFileSync(file, good.subarray(0, -1));
    await expect(new Models(vault).load(id)).rejects.toMatchObject({ code: 'vault-altered' });
    writeFileSync(file, good);
    expect((await new Models(vault).load(id)).id).toBe(id);
  });

  it('are refused by the checksum of the artifact where the vault does not notice', async () => {
    const { id, bytes } = encodeArtifact(draftOf(tagShape, 1), sha256);
    const giving = (wrong: Uint8Array): Vault => ({ ...memoryVault(), get: () => Promise.resolve(wrong) });
    await expect(new Models(giving(bytes.map((byte, i) => (i === bytes.length - 50 ? byte ^ 1 : byte)))).load(id)).rejects.toMatchObject({ code: 'artifact-altered' });
    await expect(new Models(giving(bytes.subarray(0, -1))).load(id)).rejects.toMatchObject({ code: 'artifact-truncated' });
    await expect(new Models(giving(encodeArtifact(draftOf(tagShape, 2), sha256).bytes)).load(id)).rejects.toMatchObject({ code: 'vault-altered' });
  });

  it('are missing where the vault has none', async () => {
    await expect(new Models(memoryVault()).load('0'.repeat(64))).rejects.toMatchObject({ code: 'vault-missing' });
  });
});
