import { createHash } from 'node:crypto';

/** SHA-256 of bytes in hexadecimal: the name of content in the vault, and the id of a model. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
