/**
 * The record of the states topic: the state of one session after its last published answer, for recovery.
 *
 *   "ESPS" | version, 1 byte | position, u32 | bytes of the session, u16 | bytes of the model id, u16 | units, u32
 *   | session | model id | h, f32 [units] | c, f32 [units], or nothing          (little-endian)
 *
 * units: of all layers. Version 1 has a c (LSTM), version 2 has none.
 */
import type { Delivery, Log } from '../ports.ts';
import { bytesOfNumbers, float32Of } from '../support/bytes.ts';
import type { SessionState, SessionStates, StateLimits } from './states.ts';

const MAGIC = [0x45, 0x53, 0x50, 0x53] as const;
const WITH_C = 1, WITHOUT_C = 2;
const HEAD_BYTES = 17;

export function encodeState(session: string, state: SessionState): Uint8Array {
  const encoder = new TextEncoder();
  const parts = [encoder.encode(session), encoder.encode(state.model), bytesOfNumbers(state.h), bytesOfNumbers(state.c)] as const;
  const bytes = new Uint8Array(HEAD_BYTES + parts.reduce((sum, part) => sum + part.length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set([...MAGIC, state.c.length > 0 ? WITH_C : WITHOUT_C]);
  view.setUint32(5, state.position, true);
  view.setUint16(9, parts[0].length, true);
  view.setUint16(11, parts[1].length, true);
  view.setUint32(13, state.h.length, true);
  let at = HEAD_BYTES;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Total: null for bytes that are no such record. */
export function decodeState(bytes: Uint8Array): { readonly session: string; readonly state: SessionState } | null {
  if (bytes.length < HEAD_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sessionBytes = view.getUint16(9, true), modelBytes = view.getUint16(11, true), stateBytes = 4 * view.getUint32(13, true);
  const modelAt = HEAD_BYTES + sessionBytes, hAt = modelAt + modelBytes, cAt = hAt + stateBytes;
  const version = bytes[MAGIC.length];
  if (version !== WITH_C && version !== WITHOUT_C) return null;
  if (bytes.length !== (version === WITH_C ? cAt + stateBytes : cAt)) return null;
  const decoder = new TextDecoder();
  const h = float32Of(bytes.subarray(hAt, cAt)), c = float32Of(bytes.subarray(cAt));
  if (!h.every(Number.isFinite) || !c.every(Number.isFinite)) return null;
  const state = { model: decoder.decode(bytes.subarray(modelAt, hAt)), position: view.getUint32(5, true), h, c };
  return { session: decoder.decode(bytes.subarray(HEAD_BYTES, modelAt)), state };
}

/**
 * Fills the table from the states topic: the last record of each session that is not idle for too long.
 * @param partitions only these; all where left out
 * @returns the number of damaged records, which are left out
 */
export async function recoverStates(log: Log, states: SessionStates, now: number, limits: StateLimits, partitions?: readonly number[]): Promise<number> {
  const latest = new Map<string, Delivery>();
  for await (const delivery of log.read('states', partitions)) {
    latest.delete(delivery.key);
    if (now - delivery.at > limits.sessionIdleMsMax) continue;
    latest.set(delivery.key, delivery);
    if (latest.size > limits.sessionsMax) latest.delete(latest.keys().next().value!);
  }
  let damaged = 0;
  for (const delivery of latest.values()) {
    const record = decodeState(delivery.value);
    if (record === null) damaged++;
    else states.answered(record.session, record.state, delivery.at);
  }
  return damaged;
}
