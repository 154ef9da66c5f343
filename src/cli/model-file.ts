/** A model file given on the command line. */
import * as fs from 'node:fs';
import { sha256 } from '../adapters/digest.ts';
import { EspalierError } from '../errors.ts';
import { ARTIFACT_LIMITS } from '../model/artifact-header.ts';
import { decodeArtifact } from '../model/artifact.ts';
import type { Model } from '../model/model.ts';

/** Reads at most the allowed bytes. Throws data-unreadable, artifact-too-large. */
function read(file: string, bytesMax: number): Uint8Array {
  try {
    const { size } = fs.statSync(file);
    if (size > bytesMax) throw new EspalierError('artifact-too-large', `${file} has ${size} bytes, ${bytesMax} are allowed.`);
    return fs.readFileSync(file);
  } catch (cause) {
    if (cause instanceof EspalierError) throw cause;
    throw new EspalierError('data-unreadable', `${file}: ${(cause as Error).message}`, cause);
  }
}

/** The model of a file, and the size of the file. Throws data-unreadable and the artifact errors. */
export function readModel(file: string, bytesMax: number): { readonly model: Model; readonly bytes: number } {
  const bytes = read(file, bytesMax);
  return { model: decodeArtifact(bytes, sha256, { ...ARTIFACT_LIMITS, bytesMax }), bytes: bytes.length };
}
