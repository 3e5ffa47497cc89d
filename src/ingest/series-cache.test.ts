import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../base/byte-copy.ts';
import { hashOf, SeriesCache } from './series-cache.ts';
import { seriesForm, type SeriesForm } from './series-form.ts';

const entriesMax = 32_768;

function formOf(name: string): SeriesForm {
  const form = seriesForm(name, { host: `${name}"` }, 20);
  assert(!('code' in form), name);
  return form;
}

function textOf({ view, partition, keyStart, endingStart, end }: SeriesForm): string {
  const text = (from: number, to: number) => Buffer.from(view.buffer, view.byteOffset + from, to - from).toString();
  return [partition, text(keyStart, endingStart), text(endingStart, end)].join('|');
}

function put(cache: SeriesCache, name: string): void {
  const bytes = Buffer.from(name);
  cache.put(viewOf(bytes), 0, bytes.length, formOf(name));
}

/** What the cache has for a name that stands amid other bytes, as it does in a body. */
function find(cache: SeriesCache, name: string): string | undefined {
  const bytes = Buffer.from(`<<${name}>>`);
  const found = cache.find(viewOf(bytes), 2, bytes.length - 2);
  return found && textOf(found);
}

test('each name gives its own form, whatever else is known, and a part of a name none', () => {
  const cache = new SeriesCache();
  const names = Array.from({ length: 20_000 }, (_, index) => `metric_${'x'.repeat(index % 9)}${index}`);
  for (const name of names) put(cache, name);
  for (const name of names) assert.equal(find(cache, name), textOf(formOf(name)), name);
  assert.equal(find(cache, 'metric_'), undefined);
  assert.equal(find(cache, `${names[0]}y`), undefined);
});

test('two names with one hash are two series', () => {
  const nameByHash = new Map<number, string>();
  for (let index = 1_000_000; ; index++) {
    const name = `metric_${index}`;
    const hash = hashOf(viewOf(Buffer.from(name)), 0, name.length);
    const twin = nameByHash.get(hash);
    nameByHash.set(hash, name);
    if (twin?.length !== name.length) continue;
    const cache = new SeriesCache();
    put(cache, twin);
    assert.equal(find(cache, name), undefined);
    put(cache, name);
    assert.deepEqual([find(cache, twin), find(cache, name)], [textOf(formOf(twin)), textOf(formOf(name))]);
    return;
  }
});

test('what is looked up now and then stays, what nobody names is forgotten', () => {
  const cache = new SeriesCache();
  put(cache, 'used');
  put(cache, 'unused');
  for (let index = 0; index < 2 * entriesMax; index++) {
    put(cache, `other_${index}`);
    if (index % 1_000 === 0) assert.equal(find(cache, 'used'), textOf(formOf('used')));
  }
  assert.equal(find(cache, 'used'), textOf(formOf('used')));
  assert.equal(find(cache, 'unused'), undefined);
});

test('few long names fill it as many short ones do: it holds so many bytes and no more', () => {
  const cache = new SeriesCache();
  const long = (index: number): string => `${index}_${'n'.repeat(200)}`;
  const tags = { text: 'v'.repeat(1_024) };
  for (let index = 0; index < 2 * entriesMax * 0.9; index++) {
    const bytes = Buffer.from(long(index));
    const form = seriesForm(long(index), tags, 20);
    assert(!('code' in form));
    cache.put(viewOf(bytes), 0, bytes.length, form);
  }
  // By their number alone all but the first few would still be there.
  assert.equal(find(cache, long(Math.ceil(entriesMax * 0.9))), undefined);
  assert.notEqual(find(cache, long(Math.floor(2 * entriesMax * 0.9) - 1)), undefined);
});
