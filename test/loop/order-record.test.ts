// Goal: orders come out of their records as they went in, and what is no order is null. Method: round trips, damage.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeOrder, encodeOrder } from '../../src/loop/order-record.ts';
import type { Order } from '../../src/loop/orders.ts';
import { firstRoster } from '../../src/rollout/roster.ts';

const orders: readonly Order[] = [
  { kind: 'route', order: 'route-1', deadline: 5, roster: firstRoster('model', 'salt', { anchorShare: 0.5 }) },
  { kind: 'enlist', order: 'enlist-2', deadline: 6, model: 'model' },
  { kind: 'retire', order: 'retire-3', deadline: 7, model: 'model' },
];

it('keeps every order', () => {
  expect(orders.map((order) => decodeOrder(encodeOrder(order)))).toEqual(orders);
});

it('is null for anything else, and never throws', () => {
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  for (const value of [null, 1, {}, { ...orders[1], model: 4 }, { ...orders[0], roster: {} }, { ...orders[1], kind: 'other' }, { ...orders[1], deadline: null }, { kind: 'tune', order: 'x', deadline: 1 }]) expect(decodeOrder(bytes(value))).toBe(null);
  fc.assert(fc.property(fc.uint8Array(), (any) => { expect(decodeOrder(any)).toBe(null); }));
});
