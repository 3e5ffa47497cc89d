import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { sampleValueBytesMax } from './metric-limits.ts';
import { formatSampleValue, parseMetricName, parseSampleValue, type SampleRefusal } from './sample-value.ts';
import { tagOf, tagsOf } from './sample.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('a sample is written exactly as the public format prints it', () => {
  assert.equal(formatSampleValue(501), '{"value": 501}');
  assert.equal(formatSampleValue(501, {}), '{"value": 501}');
  assert.equal(formatSampleValue(12.5, { machine_id: '12354' }), '{"value": 12.5, "tags": {"machine_id": "12354"}}');
  assert.equal(formatSampleValue(-0.1, { a: '"', b: 'ü' }), '{"value": -0.1, "tags": {"a": "\\"", "b": "ü"}}');
});

test('unknown fields, any spacing, and a byte order mark are accepted; of equal keys the last wins', () => {
  const texts = [
    '{"value":501}',
    ' \n{ "value" :\t501 , "unit": {"any": [1, null]} }\r\n',
    '\ufeff{"value": 501}',
    '{"value": 1, "value": 501}',
    '{"value": 5.01e2, "tags": {}}',
  ];
  for (const text of texts) assert.deepEqual(parseSampleValue(bytes(text)), { value: 501, tags: {} }, text);
});

const refused: Record<Exclude<SampleRefusal, 'no_key' | 'bad_name'>, (string | Uint8Array | null)[]> = {
  tombstone: [null],
  too_large: [`{"value": 1, "pad": "${'x'.repeat(sampleValueBytesMax)}"}`],
  bad_utf8: [new Uint8Array([0x7b, 0xc3, 0x28, 0x7d])],
  bad_json: [
    '',
    ' ',
    '{',
    '{"value": NaN}',
    '{"value": Infinity}',
    '{"value": 01}',
    "{'value': 1}",
    '\0',
    '{"value": 1}}',
  ],
  not_an_object: ['null', '501', '"501"', '[{"value": 1}]', 'true'],
  missing_value: ['{}', '{"Value": 1}', '{"tags": {}}', '{"__proto__": {"value": 1}}'],
  bad_value: [
    '{"value": "501"}',
    '{"value": null}',
    '{"value": 1e400}',
    '{"value": -1e400}',
    '{"value": true}',
    '{"value": [1]}',
  ],
  bad_tags: [
    '{"value": 1, "tags": null}',
    '{"value": 1, "tags": []}',
    '{"value": 1, "tags": "a=b"}',
    '{"value": 1, "tags": {"a": 1}}',
    '{"value": 1, "tags": {"a": null}}',
    '{"value": 1, "tags": {"": "a"}}',
    '{"value": 1, "tags": {"a": "\\ud800"}}',
    '{"value": 1, "tags": {"\\udc00": "a"}}',
    `{"value": 1, "tags": {"${'ü'.repeat(128)}": "a"}}`,
    `{"value": 1, "tags": {"a": "${'ü'.repeat(513)}"}}`,
    `{"value": 1, "tags": ${JSON.stringify(Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])))}}`,
  ],
};

for (const [refusal, values] of Object.entries(refused)) {
  test(`what cannot be read is refused as ${refusal}`, () => {
    for (const value of values) {
      for (const form of typeof value === 'string' ? [value, bytes(value)] : [value]) {
        const read = parseSampleValue(form);
        assert.ok('refusal' in read, String(value));
        assert.equal(read.refusal, refusal);
        assert.ok(read.message.length > 0 && read.message.length < 300);
      }
    }
  });
}

test('tags at their limits are accepted', () => {
  const tags = Object.fromEntries(
    Array.from({ length: 16 }, (_, index) => [`${index}`.padEnd(255, 'k'), 'v'.repeat(1_024)]),
  );
  assert.deepEqual(parseSampleValue(formatSampleValue(1, tags)), { value: 1, tags });
  assert.deepEqual(parseSampleValue('{"value": 1, "tags": {"a": ""}}'), { value: 1, tags: { a: '' } });
});

test('a tag may be named as what objects inherit', () => {
  const read = parseSampleValue('{"value": 1, "tags": {"__proto__": "a", "constructor": "b"}}');
  assert.ok('tags' in read);
  assert.deepEqual(Object.entries(read.tags), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  assert.equal(tagOf(read.tags, 'toString'), undefined);
  assert.equal(tagOf(read.tags, '__proto__'), 'a');
  assert.equal(formatSampleValue(1, read.tags), '{"value": 1, "tags": {"__proto__": "a", "constructor": "b"}}');
});

test('ten thousand levels of nesting are read, or refused, without a stack overflow', () => {
  const deep = '['.repeat(10_000) + ']'.repeat(10_000);
  assert.deepEqual(parseSampleValue(`{"value": 1, "deep": ${deep}}`), { value: 1, tags: {} });
  assert.ok('refusal' in parseSampleValue(`{"value": ${deep}}`));
});

test('any sample is read back as it was written', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const key = fc.oneof(
    text.filter((each) => each !== ''),
    fc.constantFrom('__proto__', 'constructor', '1', '0'),
  );
  const tags = fc.array(fc.tuple(key, text), { maxLength: 6 }).map(tagsOf);
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), tags, (value, given) => {
      const read = parseSampleValue(bytes(formatSampleValue(value, given)));
      assert.ok('tags' in read);
      // -0 is written as 0.
      assert.equal(read.value, value + 0);
      assert.deepEqual(Object.entries(read.tags), Object.entries(given));
    }),
  );
});

test('whatever bytes come, reading never throws', () => {
  fc.assert(fc.property(fc.uint8Array(), (noise) => void parseSampleValue(noise)));
  fc.assert(fc.property(fc.json(), (text) => void parseSampleValue(text)));
});

test('a record’s key is the metric’s name: 1 to 255 bytes of UTF-8, no control characters', () => {
  for (const name of ['received-packages', 'größe', 'a b', '📦', 'x'.repeat(255), '\ufeffname', '__proto__']) {
    assert.deepEqual(parseMetricName(bytes(name)), { name });
  }
  assert.equal((parseMetricName(null) as { refusal: string }).refusal, 'no_key');
  assert.equal((parseMetricName(new Uint8Array()) as { refusal: string }).refusal, 'no_key');
  const bad = [
    bytes('x'.repeat(256)),
    bytes('ü'.repeat(128)),
    bytes('a\nb'),
    bytes('a\0'),
    bytes('a\u0085b'),
    bytes('\u007f'),
    new Uint8Array([0xff]),
  ];
  for (const key of bad) assert.equal((parseMetricName(key) as { refusal: string }).refusal, 'bad_name');
});
