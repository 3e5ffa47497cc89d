/** The ways in which writers put a sample into JSON, and what is no sample at all. */

export type Pairs = readonly (readonly [key: string, value: string])[];

const text = (value: string): string => JSON.stringify(value);
const escaped = (value: string): string =>
  `"${Array.from({ length: value.length }, (_, index) => value[index]!)
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')}"`;
const objectOf = (tags: Pairs, between = ', ', colon = ': '): string =>
  `{${tags.map(([key, value]) => `${text(key)}${colon}${text(value)}`).join(between)}}`;
const withTags = (tags: Pairs): string => (tags.length === 0 ? '' : `, "tags": ${objectOf(tags)}`);
const digits = (value: number): string => (Object.is(value, -0) ? '-0' : JSON.stringify(value));
const isPlain = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 1e6;

/** All of them say the same sample. */
export const sampleForms: readonly ((value: number, tags: Pairs) => string)[] = [
  (value, tags) => `{"value": ${digits(value)}${withTags(tags)}}`,
  (value, tags) => `{"value":${digits(value)}${tags.length === 0 ? '' : `,"tags":${objectOf(tags, ',', ':')}`}}`,
  (value, tags) => `{"tags": ${objectOf(tags)}, "value": ${digits(value)}}`,
  (value, tags) => `{"unit": {"value": 7, "any": [1, null]}, "value": ${digits(value)}${withTags(tags)}}`,
  (value, tags) => `{"value": 999, "note": "the last one counts"${withTags(tags)}, "value": ${digits(value)}}`,
  (value, tags) => `{"value": 999${withTags(tags)}, "val\\u0075e": ${digits(value)}}`,
  (value, tags) => `\ufeff \n{ "value"\t: ${digits(value)}${withTags(tags)} }\r\n`,
  (value, tags) => `{"value": ${value.toExponential().replace('e', 'E')}${withTags(tags)}}`,
  (value, tags) => `{"value": ${isPlain(value) ? value.toFixed(3) : digits(value)}${withTags(tags)}}`,
  (value, tags) => `{"value": ${isPlain(value) ? value.toFixed(18) : digits(value)}${withTags(tags)}}`,
  (value, tags) =>
    `{${escaped('value')}: ${digits(value)}, ${escaped('tags')}: {${tags.map(([key, tag]) => `${escaped(key)}: ${escaped(tag)}`).join(',')}}}`,
  (value, tags) => `{"value": ${digits(value)}, "tags": {"not": "these"}, "tags": ${objectOf(tags)}}`,
  (value, tags) => `{"value": ${digits(value)}${withTags(tags.toReversed())}}`,
  (value, tags) => `{"value": ${digits(value)}${withTags(tags)}, "__proto__": {"value": 3, "tags": {"a": "b"}}}`,
  (value, tags) => `{"value" :${digits(value)} ${withTags(tags)}}`,
  (value, tags) => `{"value": ${digits(value)}${withTags(tags)}, "seq": 12}`,
];

const bytes = (value: string): Uint8Array => Buffer.from(value);
const cut = (value: string, count: number): Uint8Array => bytes(value).subarray(0, count);

interface PoisonRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** Records of `metrics` that say no sample, some of which look much like one. */
export function poisonRecords(name: string): PoisonRecord[] {
  const key = bytes(name);
  const values: (Uint8Array | null)[] = [
    null,
    ...[
      ...['', ' ', '{', '{}', 'null', '501', '"501"', '[{"value": 1}]', 'true', '{"value": NaN}', '{"value": 1}}'],
      ...['{"value": Infinity}', '{"value": 01}', '{"value": 1.}', '{"value": .5}', '{"value": +1}', '{"value": - 1}'],
      ...['{"value": 1e999}', '{"value": -1e400}', '{"value": 1e}', '{"value": 0x10}', '{"value": 1_000}'],
      ...['{"value": "501"}', '{"value": null}', '{"value": [1]}', '{"value": {}}', '{"Value": 1}', "{'value': 1}"],
      ...['{"value": 1, "value": null}', '{"value": 1, "val\\u0075e": "x"}', '{"value": 1,}', '{"value": 1 2}'],
      ...['{"value": 1, "tags": null}', '{"value": 1, "tags": []}', '{"value": 1, "tags": "a=b"}', '{"value": 1.5.2}'],
      ...[
        '{"value": 1, "tags": {"a": 1}}',
        '{"value": 1, "tags": {"": "a"}}',
        '{"value": 1, "tags": {"a": "\\ud800"}}',
      ],
      ...['{"value": 1, "tags": {"a": "b"}, "tags": 0}', '{"__proto__": {"value": 1}}', '\0', '{"value": 1}\0', '--1'],
      `{"value": 1, "tags": {"a": "${'ü'.repeat(513)}"}}`,
      `{"value": 1, "tags": {${Array.from({ length: 17 }, (_, index) => `"k${index}": "v"`).join(', ')}}}`,
      `{"value": 1, "pad": "${'x'.repeat(131_072)}"}`,
      `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
    ].map(bytes),
    cut('{"value": 12, "tags": {"host": "a"}}', 12),
    cut('{"value": 12, "tags": {"host": "ü"}}', 33),
    Uint8Array.from([0x7b, 0xc3, 0x28, 0x7d]),
  ];
  const good = bytes('{"value": 1000000}');
  const keys = [
    null,
    bytes(''),
    bytes('x'.repeat(256)),
    bytes(`${name}\n`),
    bytes('a\u0085b'),
    Uint8Array.from([0xff]),
  ];
  return [...values.map((value) => ({ key, value })), ...keys.map((bad) => ({ key: bad, value: good }))];
}
