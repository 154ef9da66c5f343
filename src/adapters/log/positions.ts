import type { Topic } from '../../ports.ts';

/** What a group has settled of a topic: everything below `floor`, and these offsets above it. */
interface Position {
  floor: number;
  readonly above: Set<number>;
}

export type PositionsSnapshot = Readonly<Record<string, Readonly<Partial<Record<Topic, { readonly floor: number; readonly above: readonly number[] }>>>>>;

/**
 * The settled offsets of every group, exactly. Settling comes out of order (lanes end when they end); a floor alone
 * would deliver again, after a restart, what was settled above the first gap, and answer it twice.
 */
export interface Positions {
  /** Notes that a group reads a topic whose oldest record is `base`, so that what it has not settled is kept. */
  join(group: string, topic: Topic, base: number): void;
  /** Counts what is gone (below `base`) as settled by every group that reads the topic. */
  raise(topic: Topic, base: number): void;
  settle(group: string, topic: Topic, offset: number): void;
  isSettled(group: string, topic: Topic, offset: number): boolean;
  /** The lowest offset that a group may not have settled. */
  floor(group: string, topic: Topic): number;
  /** The lowest floor of the groups that read a topic; infinite where none does. */
  lowestFloor(topic: Topic): number;
  snapshot(): PositionsSnapshot;
}

export function positionsFrom(snapshot: PositionsSnapshot): Positions {
  const groups = new Map<string, Map<Topic, Position>>();

  function positionOf(group: string, topic: Topic): Position {
    let topics = groups.get(group);
    if (topics === undefined) groups.set(group, topics = new Map());
    let position = topics.get(topic);
    if (position === undefined) topics.set(topic, position = { floor: 0, above: new Set() });
    return position;
  }

  for (const [group, topics] of Object.entries(snapshot)) {
    for (const [topic, { floor, above }] of Object.entries(topics)) {
      const position = positionOf(group, topic as Topic);
      position.floor = floor;
      for (const offset of above) position.above.add(offset);
    }
  }

  return {
    join: (group, topic, base) => { raiseFloor(positionOf(group, topic), base); },
    raise: (topic, base) => {
      for (const topics of groups.values()) {
        const position = topics.get(topic);
        if (position !== undefined) raiseFloor(position, base);
      }
    },
    settle: (group, topic, offset) => {
      const position = positionOf(group, topic);
      if (offset > position.floor) position.above.add(offset);
      if (offset === position.floor) raiseFloor(position, offset + 1);
    },
    isSettled: (group, topic, offset) => {
      const position = groups.get(group)?.get(topic);
      return position !== undefined && (offset < position.floor || position.above.has(offset));
    },
    floor: (group, topic) => groups.get(group)?.get(topic)?.floor ?? 0,
    lowestFloor: (topic) => Math.min(...[...groups.values()].map((topics) => topics.get(topic)?.floor ?? Infinity)),
    snapshot: () => Object.fromEntries([...groups].map(([group, topics]) => [
      group,
      Object.fromEntries([...topics].map(([topic, { floor, above }]) => [topic, { floor, above: [...above].sort((a, b) => a - b) }])),
    ])),
  };
}

function raiseFloor(position: Position, floor: number): void {
  if (position.above.size > 0) for (let offset = position.floor; offset < floor; offset++) position.above.delete(offset);
  position.floor = Math.max(position.floor, floor);
  while (position.above.delete(position.floor)) position.floor++;
}
