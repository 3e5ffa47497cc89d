import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { assign, type GroupMember } from './assignor.ts';

const topic = 'metrics';

function member(id: string, owned: readonly number[] = [], generation = 1): GroupMember {
  return { id, topics: [topic], owned: new Map([[topic, owned]]), generation };
}

const share = (members: readonly GroupMember[], count: number) => {
  const assignment = assign(members, new Map([[topic, count]]));
  return Object.fromEntries([...assignment].map(([id, topics]) => [id, topics.get(topic) ?? []]));
};

test('one member gets all, and two that have nothing share evenly', () => {
  assert.deepEqual(share([member('a')], 3), { a: [0, 1, 2] });
  const two = share([member('a'), member('b')], 5);
  assert.deepEqual([two.a!.length, two.b!.length], [3, 2]);
});

test('a partition that must move goes to nobody until its owner has let go', () => {
  const first = share([member('a', [0, 1, 2, 3]), member('b')], 4);
  assert.deepEqual(first, { a: [0, 1], b: [] });
  assert.deepEqual(share([member('a', [0, 1]), member('b')], 4), { a: [0, 1], b: [2, 3] });
});

test('of two that claim a partition the later generation is right, and equal ones both let go', () => {
  assert.deepEqual(share([member('a', [0], 4), member('b', [0, 1], 5)], 2), { a: [], b: [0] });
  const contested = share([member('a', [0], 5), member('b', [0], 5)], 2);
  assert.deepEqual([...contested.a!, ...contested.b!], [1]);
});

test('members that want different topics share each topic among those who want it', () => {
  const both: GroupMember = { id: 'a', topics: ['x', 'y'], owned: new Map(), generation: -1 };
  const one: GroupMember = { id: 'b', topics: ['y'], owned: new Map(), generation: -1 };
  const assignment = assign(
    [both, one],
    new Map([
      ['x', 2],
      ['y', 2],
    ]),
  );
  assert.deepEqual(assignment.get('a')!.get('x'), [0, 1]);
  assert.equal(assignment.get('b')!.get('x'), undefined);
  assert.equal(assignment.get('a')!.get('y')!.length + assignment.get('b')!.get('y')!.length, 2);
});

test('whatever comes and goes, nothing has two owners, and the group settles evenly and moves little', () => {
  const changes = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(changes, fc.integer({ min: 1, max: 25 }), (steps, count) => {
      let owned = new Map<string, number[]>();
      for (const ids of steps) {
        const before = new Map(owned);
        for (let round = 1; ; round++) {
          assert.ok(round <= 3, 'two rounds settle a group');
          const now = share(
            ids.map((id) => member(id, owned.get(id) ?? [])),
            count,
          );
          const given = Object.values(now).flat();
          assert.equal(new Set(given).size, given.length);
          for (const [id, partitions] of Object.entries(now)) {
            for (const [other, theirs] of owned) {
              if (other === id || !ids.some((living) => living === other)) continue;
              assert.ok(!partitions.some((partition) => theirs.includes(partition)), 'taken from a living owner');
            }
          }
          owned = new Map(Object.entries(now));
          if (given.length === count) break;
        }
        const sizes = ids.map((id) => owned.get(id)!.length);
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
        for (const id of ids) {
          const stayed = owned.get(id)!.filter((partition) => before.get(id)?.includes(partition)).length;
          const kept = Math.min(before.get(id)?.length ?? 0, Math.floor(count / ids.length));
          assert.ok(stayed >= kept, `${id} keeps what it has, up to its share`);
        }
      }
    }),
  );
});
