/**
 * Which member of a group has which partition.
 *
 * The same set of instances gives the same assignment in every group and for every topic, by partition number: so the
 * labels of a session come to the process that answers its requests, though they are read by another group. The weights
 * are those of rendezvous hashing (Thaler & Ravishankar 1998) with a bound on the load, so that a member that comes or
 * goes moves few partitions. Where the table of topics says so, a partition stays with its owner.
 */
import { AssignerProtocol } from 'kafkajs';
import type { PartitionAssigner } from 'kafkajs';
import { hash32 } from '../../../support/hash.ts';

export interface GroupMember {
  readonly id: string;
  readonly instance: string;
  readonly topics: readonly string[];
  /** By topic: the partitions that stay with the member. */
  readonly busy: Readonly<Record<string, readonly number[]>>;
}

export type Assignment = ReadonlyMap<string, Record<string, number[]>>;

/** @param partitions number of partitions of each topic */
export function assignPartitions(members: readonly GroupMember[], partitions: ReadonlyMap<string, number>): Assignment {
  const assignment = new Map<string, Record<string, number[]>>(members.map(({ id }) => [id, {}]));
  for (const [topic, count] of [...partitions].sort()) {
    const candidates = members.filter(({ topics }) => topics.includes(topic)).sort((a, b) => (a.instance < b.instance || (a.instance === b.instance && a.id < b.id) ? -1 : 1));
    if (candidates.length === 0) continue;
    const loads = new Map(candidates.map(({ id }) => [id, 0]));
    const loadMax = Math.ceil(count / candidates.length);
    const give = (id: string, partition: number): void => {
      loads.set(id, loads.get(id)! + 1);
      (assignment.get(id)![topic] ??= []).push(partition);
    };
    const taken = new Set<number>();
    for (const { id, busy } of candidates) {
      for (const partition of busy[topic] ?? []) {
        if (partition >= count || taken.has(partition)) continue;
        taken.add(partition);
        give(id, partition);
      }
    }
    for (let partition = 0; partition < count; partition++) {
      if (taken.has(partition)) continue;
      const free = candidates.filter(({ id }) => loads.get(id)! < loadMax);
      const weight = ({ instance }: GroupMember): number => hash32(`${instance}/${partition}`);
      const best = (free.length > 0 ? free : candidates).reduce((a, b) => (weight(b) > weight(a) ? b : a));
      give(best.id, partition);
    }
  }
  return assignment;
}

interface UserData { readonly instance: string; readonly busy: Readonly<Record<string, readonly number[]>> }

function userDataOf(bytes: Buffer): UserData {
  const { instance, busy } = JSON.parse(bytes.toString('utf8')) as Partial<UserData>;
  return { instance: instance ?? '', busy: busy ?? {} };
}

/** @param busy the partitions that stay with this member now */
export const assignerOf = (instance: string, busy: () => UserData['busy']): PartitionAssigner => ({ cluster }) => ({
  name: 'espalier',
  version: 1,
  protocol: ({ topics }) => ({
    name: 'espalier',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.from(JSON.stringify({ instance, busy: busy() } satisfies UserData)) }),
  }),
  assign: async ({ members, topics }) => {
    const decoded = members.map(({ memberId, memberMetadata }): GroupMember => {
      const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
      return { id: memberId, topics: metadata?.topics ?? [], ...userDataOf(metadata?.userData ?? Buffer.from('{}')) };
    });
    const counts = new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).length]));
    return Promise.resolve([...assignPartitions(decoded, counts)].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 1, assignment, userData: Buffer.alloc(0) }),
    })));
  },
});
