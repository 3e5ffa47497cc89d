// Who gets which partition, decided by the group's leader for all. Cooperative and sticky, as KIP-429 describes: everybody
// keeps what it has, up to its share; a partition that must move stays unassigned in this round, so that its owner sees
// that it is gone, finishes its work, and joins again; only then another one gets it.

export interface GroupMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** What it has now, as it says. */
  readonly owned: ReadonlyMap<string, readonly number[]>;
  /** The generation in which it got them: of two that claim one partition the later one is right. */
  readonly generation: number;
}

/** By member id, by topic. */
export type Assignment = Map<string, Map<string, number[]>>;

/** `partitionCounts` by topic. Members may want different topics; each topic is shared by those who want it. */
export function assign(members: readonly GroupMember[], partitionCounts: ReadonlyMap<string, number>): Assignment {
  const assignment: Assignment = new Map(members.map((member) => [member.id, new Map<string, number[]>()]));
  for (const [topic, count] of partitionCounts) {
    const wanting = members.filter((member) => member.topics.includes(topic));
    for (const [id, partitions] of assignTopic(topic, count, wanting)) assignment.get(id)!.set(topic, partitions);
  }
  return assignment;
}

function assignTopic(topic: string, count: number, members: readonly GroupMember[]): Map<string, number[]> {
  if (members.length === 0) return new Map();
  const { owners, contested } = ownersOf(topic, count, members);
  const kept = new Map(members.map((member) => [member.id, [] as number[]]));
  for (const [partition, id] of owners) kept.get(id)!.push(partition);
  // Those who have most get the larger shares, so that least moves; ties by id, so that every leader decides alike.
  const order = [...kept.keys()].sort((one, other) => {
    return kept.get(other)!.length - kept.get(one)!.length || (one < other ? -1 : 1);
  });
  const share = Math.floor(count / members.length);
  const larger = count % members.length;
  const shares = new Map(order.map((id, index) => [id, share + (index < larger ? 1 : 0)]));
  const given = new Map<string, number[]>();
  const staying = new Set<number>();
  for (const id of order) {
    const partitions = kept.get(id)!.slice(0, shares.get(id));
    given.set(id, partitions);
    for (const partition of partitions) staying.add(partition);
  }
  for (let partition = 0; partition < count; partition++) {
    if (staying.has(partition)) continue;
    const id = order.find((candidate) => given.get(candidate)!.length < shares.get(candidate)!)!;
    given.get(id)!.push(partition);
  }
  const isMoving = (partition: number) =>
    !staying.has(partition) && (owners.has(partition) || contested.has(partition));
  for (const [id, partitions] of given) {
    given.set(
      id,
      partitions.filter((partition) => !isMoving(partition)).sort((one, other) => one - other),
    );
  }
  return given;
}

/** Who has which partition. Contested: two say so with equal right, and neither is believed until both have let go. */
function ownersOf(topic: string, count: number, members: readonly GroupMember[]) {
  const owners = new Map<number, string>();
  const generations = new Map<number, number>();
  const contested = new Set<number>();
  for (const member of members) {
    for (const partition of member.owned.get(topic) ?? []) {
      if (partition < 0 || partition >= count) continue;
      const other = generations.get(partition) ?? -Infinity;
      if (member.generation === other) {
        contested.add(partition);
        owners.delete(partition);
      } else if (member.generation > other) {
        owners.set(partition, member.id);
        generations.set(partition, member.generation);
      }
    }
  }
  return { owners: new Map([...owners].sort(([one], [other]) => one - other)), contested };
}
