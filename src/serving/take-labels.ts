/** Labels of the world into the judge's table. They are settled when they are in it; what is unreadable is refused. */
import type { OperatorFunction } from 'rxjs';
import { map } from 'rxjs';
import type { Delivery } from '../ports.ts';
import { decodeLabel } from '../traffic/codec.ts';
import type { Judge } from './judge.ts';
import type { Settlement } from './publish.ts';
import type { Route } from './route.ts';

export const takeLabels = (table: Judge, route: () => Route, now: () => number): OperatorFunction<Delivery, Settlement> =>
  map((delivery) => {
    const decoded = decodeLabel(delivery.value, route().labelRules, delivery.at);
    if (decoded.ok) {
      table.label(decoded.value, now());
      return { taken: delivery };
    }
    table.invalid();
    return { delivery, code: decoded.code, reason: decoded.reason };
  });
