/** Second stage: bytes to requests. What cannot be read becomes a refusal; nothing throws. */
import type { OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Delivery } from '../ports.ts';
import { decodeRequest } from '../traffic/codec.ts';
import type { Route } from './route.ts';
import type { Arrival, Refusal } from './work.ts';

export const decode = (route: () => Route): OperatorFunction<Delivery, Arrival | Refusal> =>
  map((delivery) => {
    const decoded = decodeRequest(delivery.value, route().requestRules, delivery.at);
    return decoded.ok ? { delivery, request: decoded.value } : { delivery, code: decoded.code, reason: decoded.reason };
  });
