import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { balance } from './group.ts';

const nobody = (count: number): undefined[] => Array.from({ length: count }, () => undefined);

test('two members get ten partitions of twenty each', () => {
  const owners = balance(nobody(20), ['a', 'b']);
  assert.equal(owners.filter((owner) => owner === 'a').length, 10);
  assert.equal(owners.filter((owner) => owner === 'b').length, 10);
});

test('without members nobody owns a partition', () => {
  assert.deepEqual(balance(['a', 'a'], []), [undefined, undefined]);
});

test('shares differ by one at most, and no more partitions move than must', () => {
  const member = fc.constantFrom('a', 'b', 'c', 'd');
  fc.assert(
    fc.property(
      fc.array(fc.option(member, { nil: undefined }), { minLength: 1, maxLength: 40 }),
      fc.uniqueArray(member, { minLength: 1 }),
      (owners, members) => {
        const after = balance(owners, members);
        const counts = members.map((name) => after.filter((owner) => owner === name).length);
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1);
        const most = Math.ceil(owners.length / members.length);
        const moved = owners.filter((owner, partition) => owner !== after[partition]).length;
        const mustMove = owners.filter((owner) => owner === undefined || !members.includes(owner)).length;
        const surplus = members.reduce(
          (sum, name) => sum + Math.max(0, owners.filter((owner) => owner === name).length - most + 1),
          0,
        );
        assert.ok(moved <= mustMove + surplus);
      },
    ),
  );
});
