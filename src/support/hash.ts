/**
 * A 32-bit hash of a text: FNV-1a over its UTF-16 code units, then the final mix of MurmurHash3.
 * FNV-1a alone spreads short, similar texts badly (shares of 10 % come out as 8.7-10.3 %); the mix mends that.
 * Not cryptographic.
 * @returns unsigned, 0 to 2³² − 1
 */
export function hash32(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix32(hash);
}

/** The final mix of MurmurHash3: a bijection of 32 bits in which every input bit moves every output bit. */
export function mix32(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
