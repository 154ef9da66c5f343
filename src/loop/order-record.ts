/**
 * Orders on their way to other processes: JSON in UTF-8, on the topics `roster` (route, enlist, retire) and `jobs` (tune).
 * The key on `roster` is the kind, so that what compaction keeps is the last of each: a process that starts finds the
 * roster of now, and the model that is being tried, and nothing that is over.
 */
import type { Order } from './orders.ts';

const KINDS: readonly Order['kind'][] = ['tune', 'enlist', 'route', 'retire'];

export const encodeOrder = (order: Order): Uint8Array => new TextEncoder().encode(JSON.stringify(order));

/** Total: null for what is no order. */
export function decodeOrder(bytes: Uint8Array): Order | null {
  let value: unknown;
  try { value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)); } catch { return null; }
  if (typeof value !== 'object' || value === null) return null;
  const order = value as Partial<Order> & { readonly model?: unknown; readonly roster?: unknown; readonly job?: unknown };
  if (!(KINDS as readonly unknown[]).includes(order.kind) || typeof order.order !== 'string' || !Number.isFinite(order.deadline)) return null;
  const sound = order.kind === 'tune' ? isObject(order.job) : order.kind === 'route' ? isRoster(order.roster) : typeof order.model === 'string';
  return sound ? order as Order : null;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isModel = (value: unknown): boolean => value === null || typeof value === 'string';
const isShare = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= 1;

function isRoster(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { version, champion, anchor, challenger, predecessor, share, shadow, anchorShare, salt } = value;
  return Number.isSafeInteger(version) && typeof champion === 'string' && typeof anchor === 'string' && isModel(challenger) && isModel(predecessor)
    && [share, shadow, anchorShare].every(isShare) && typeof salt === 'string';
}
