// Goal: partitions are shared out evenly, the same way in every group, to those who asked for the topic, and work in progress stays. Method: properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupMember } from '../../../../src/adapters/log/kafka/assigner.ts';
import { assignPartitions } from '../../../../src/adapters/log/kafka/assigner.ts';

const member = (instance: string, topics: readonly string[], busy: GroupMember['busy'] = {}, id = `${instance}-id`): GroupMember => ({ id, instance, topics, busy });
const instances = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 });
const count = fc.integer({ min: 1, max: 40 });

describe('the assignment of partitions', () => {
  it('gives every partition to exactly one member, and nobody more than its share', () => {
    fc.assert(fc.property(instances, count, (names, partitions) => {
      const assignment = assignPartitions(names.map((name) => member(name, ['t'])), new Map([['t', partitions]]));
      const lists = [...assignment.values()].map((topics) => topics['t'] ?? []);
      expect(lists.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, i) => i));
      expect(Math.max(...lists.map((list) => list.length))).toBeLessThanOrEqual(Math.ceil(partitions / names.length));
    }));
  });

  it('is the same in every group of the same instances, whatever the ids and the order of joining', () => {
    fc.assert(fc.property(instances, count, (names, partitions) => {
      const of = (topic: string, list: readonly string[], suffix: string) => {
        const assignment = assignPartitions(list.map((name, i) => member(name, [topic], {}, `${suffix}${i}`)), new Map([[topic, partitions]]));
        return new Map(list.map((name, i) => [name, assignment.get(`${suffix}${i}`)![topic] ?? []]));
      };
      const requests = of('requests', names, 'a'), labels = of('labels', [...names].reverse(), 'b');
      for (const name of names) expect(labels.get(name)).toEqual(requests.get(name));
    }));
  });

  it('gives a topic only to those who asked for it', () => {
    const assignment = assignPartitions([member('a', ['x']), member('b', ['x', 'y'])], new Map([['x', 2], ['y', 2]]));
    expect(assignment.get('a-id')!['y']).toBeUndefined();
    expect(assignment.get('b-id')!['y']).toEqual([0, 1]);
  });

  it('leaves a partition with the member that works on it', () => {
    fc.assert(fc.property(instances, count, fc.nat(), fc.nat(), (names, partitions, who, which) => {
      const owner = names[who % names.length]!, partition = which % partitions;
      const assignment = assignPartitions(names.map((name) => member(name, ['jobs'], name === owner ? { jobs: [partition] } : {})), new Map([['jobs', partitions]]));
      expect(assignment.get(`${owner}-id`)!['jobs']).toContain(partition);
    }));
  });
});
