/** The models of the bench, beside its file: a run that goes on finds the parents that it had trained. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../../../adapters/digest.ts';
import { decodeArtifact, encodeArtifact } from '../../../model/artifact.ts';
import { densityOfMask } from '../../../model/mask.ts';
import type { Model } from '../../../model/model.ts';
import type { Work } from './data.ts';
import type { Made } from './make.ts';
import type { Run } from './row.ts';
import { keyOf } from './row.ts';

export interface Stored { readonly model: Model; readonly bytes: number; readonly gzipBytes: number }

export interface Store {
  put(run: Run, work: Work, made: Made, parent: Model | null): Stored;
  /** Null where it is not there. */
  get(run: Run): Model | null;
  close(): void;
}

/** @param json the file of the bench; without one the models are gone at the end */
export function openStore(json: string | undefined): Store {
  const folder = json === undefined ? fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-bench-')) : `${json}.models`;
  fs.mkdirSync(folder, { recursive: true });
  const fileOf = (run: Run): string => path.join(folder, `${keyOf(run).replaceAll('|', '_')}.espalier`);
  return {
    put: (run, { tokenizer, labels }, { shape, weights, mask }, parent) => {
      const lineage = { parent: parent?.id ?? null, anchor: parent?.id ?? null, cycle: 0, density: densityOfMask(mask), criterion: run.criterion, seed: run.seed, trainedOn: run.task };
      const { bytes } = encodeArtifact({ shape, weights, mask, tokenizer, labels, lineage }, sha256), file = fileOf(run);
      fs.writeFileSync(`${file}.part`, bytes);
      fs.renameSync(`${file}.part`, file);
      return { model: decodeArtifact(bytes, sha256), bytes: bytes.length, gzipBytes: gzipSync(bytes).length };
    },
    get: (run) => {
      const file = fileOf(run);
      return fs.existsSync(file) ? decodeArtifact(fs.readFileSync(file), sha256) : null;
    },
    close: () => { if (json === undefined) fs.rmSync(folder, { recursive: true, force: true }); },
  };
}
