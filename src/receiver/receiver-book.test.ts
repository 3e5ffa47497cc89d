import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiverBook } from './receiver-book.ts';

const value = (path: string): string =>
  JSON.stringify({ kind: 'webhook', address: `https://hooks.example.com/${path}`, secret: 'sixteen-characters' });

test('the newest good version is in force, by name and in the order of names', () => {
  const book = new ReceiverBook();
  const set = book.apply({ key: 'ops', value: Buffer.from(value('1')), partition: 0, offset: 0 });
  assert.deepEqual(set.kind === 'set' && [set.entry.partition, set.entry.offset], [0, 0]);
  book.apply({ key: Buffer.from('dev'), value: value('2'), partition: 0, offset: 1 });
  const changed = book.apply({ key: 'ops', value: value('3'), partition: 0, offset: 2 });
  assert.equal(changed.kind === 'set' && changed.before?.offset, 0);
  assert.deepEqual(book.apply({ key: 'ops', value: value('4'), partition: 0, offset: 2 }), { kind: 'nothing' });
  assert.equal(book.get('ops')?.config.address, 'https://hooks.example.com/3');
  assert.deepEqual(
    [...book].map(({ config }) => config.name),
    ['dev', 'ops'],
  );
});

test('a null deletes; of what is not there nothing is known', () => {
  const book = new ReceiverBook();
  assert.equal(book.apply({ key: 'ops', value: null, partition: 0, offset: 0 }).kind, 'nothing');
  book.apply({ key: 'ops', value: value('1'), partition: 0, offset: 1 });
  assert.equal(book.apply({ key: 'ops', value: null, partition: 0, offset: 2 }).kind, 'deleted');
  assert.equal(book.size, 0);
});

test('a record that cannot be read leaves the last good version in force, is named, and shows no secret', () => {
  const book = new ReceiverBook();
  book.apply({ key: 'ops', value: value('1'), partition: 0, offset: 0 });
  const broken = [
    '{"secret": "s3cret',
    '[]',
    '{"kind": "webhook", "address": "http://s3cret"}',
    `"${'x'.repeat(65_536)}"`,
  ];
  for (const [at, text] of broken.entries()) {
    const change = book.apply({ key: 'ops', value: text, partition: 0, offset: 1 + at });
    assert.equal(change.kind === 'problem' && change.inForce?.offset, 0);
    assert.ok(!JSON.stringify(change).includes('s3cret'));
  }
  assert.deepEqual(
    book.problems().map(({ name }) => name),
    ['ops'],
  );
  assert.equal(book.apply({ key: 'a/b', value: value('1'), partition: 0, offset: 9 }).kind, 'problem');
  book.apply({ key: 'ops', value: value('2'), partition: 0, offset: 10 });
  assert.deepEqual(
    book.problems().map(({ name }) => name),
    ['a/b'],
  );
});
