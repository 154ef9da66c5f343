/** Where a record lies: segment number, byte position of its frame in the segment, of itself in the payload. */
export interface Place {
  readonly segment: number;
  readonly frame: number;
  readonly record: number;
}

/** The records of one topic within one segment: eight bytes of memory for each. */
interface Run {
  readonly segment: number;
  readonly base: number;
  /** Byte positions of the frames, and of the records within their payloads: [count used]. */
  frames: Uint32Array;
  records: Uint32Array;
  count: number;
}

/** The places of all records of one topic; the values stay on the disk. */
export interface TopicIndex {
  /** The oldest offset that is kept, and the one that the next record gets. */
  readonly base: number;
  readonly next: number;
  push(place: Place): void;
  /** The place of a record with base <= offset < next. */
  find(offset: number): Place;
  /** The offset after the last one of the oldest segment, if that is the one given; 0 where it holds none of the topic. */
  endOf(segment: number): number;
  /** Forgets the records of the oldest segment. */
  drop(segment: number): void;
}

export function topicIndex(start: number): TopicIndex {
  const runs: Run[] = [];
  let next = start;

  function runOf(segment: number): Run {
    const last = runs.at(-1);
    if (last?.segment === segment) return last;
    const run = { segment, base: next, frames: new Uint32Array(64), records: new Uint32Array(64), count: 0 };
    runs.push(run);
    return run;
  }

  return {
    get base() { return runs[0]?.base ?? next; },
    get next() { return next; },
    push: ({ segment, frame, record }) => {
      const run = runOf(segment);
      if (run.count === run.frames.length) {
        run.frames = doubled(run.frames);
        run.records = doubled(run.records);
      }
      run.frames[run.count] = frame;
      run.records[run.count++] = record;
      next++;
    },
    find: (offset) => {
      let i = runs.length - 1;
      while (runs[i]!.base > offset) i--;
      const run = runs[i]!;
      return { segment: run.segment, frame: run.frames[offset - run.base]!, record: run.records[offset - run.base]! };
    },
    endOf: (segment) => (runs[0]?.segment === segment ? runs[0].base + runs[0].count : 0),
    drop: (segment) => {
      if (runs[0]?.segment === segment) runs.shift();
    },
  };
}

function doubled(array: Uint32Array): Uint32Array {
  const copy = new Uint32Array(array.length * 2);
  copy.set(array);
  return copy;
}
