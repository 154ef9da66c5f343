import { EspalierError } from '../../errors.ts';

/** A reference is the SHA-256 of the content: 64 hexadecimal digits in lower case, and so never a path. */
export const isReference = (ref: string): boolean => /^[0-9a-f]{64}$/.test(ref);

/** Throws vault-missing for what cannot be a reference: nothing can be stored under it. */
export function checkReference(ref: string): void {
  if (!isReference(ref)) throw new EspalierError('vault-missing', `Not a reference (64 hexadecimal digits): ${JSON.stringify(ref.slice(0, 80))}`);
}
