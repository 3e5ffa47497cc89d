/** A record of `metrics`, read with the patience of a person: what it says, or nothing when it says no sample. */
export interface OracleSample {
  readonly name: string;
  readonly value: number;
  readonly tags: ReadonlyMap<string, string>;
}

const nameBytesMax = 255;
const tagsMax = 16;
const tagKeyBytesMax = 255;
const tagValueBytesMax = 1_024;
const valueBytesMax = 131_072;

export function readSample(
  key: Uint8Array | null,
  value: Uint8Array | null,
  timestampMs: number,
): OracleSample | undefined {
  if (key === null || value === null || value.length > valueBytesMax || timestampMs < 0) return undefined;
  const name = textOf(key, true);
  const text = textOf(value, false);
  if (name === undefined || text === undefined || !isName(name)) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return undefined;
  const fields = new Map<string, unknown>(Object.entries(json));
  const number = fields.get('value');
  if (typeof number !== 'number' || Math.abs(number) === Infinity) return undefined;
  const tags = fields.has('tags') ? tagsOf(fields.get('tags')) : new Map<string, string>();
  return tags === undefined ? undefined : { name, value: number, tags };
}

function tagsOf(json: unknown): Map<string, string> | undefined {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return undefined;
  const tags = new Map<string, string>();
  for (const [key, value] of Object.entries(json)) {
    if (typeof value !== 'string' || key === '' || !isText(key, tagKeyBytesMax) || !isText(value, tagValueBytesMax)) {
      return undefined;
    }
    tags.set(key, value);
  }
  return tags.size > tagsMax ? undefined : tags;
}

function isName(name: string): boolean {
  return name !== '' && isText(name, nameBytesMax) && !/\p{Cc}/u.test(name);
}

function isText(text: string, bytesMax: number): boolean {
  return text.isWellFormed() && Buffer.byteLength(text) <= bytesMax;
}

/** A byte order mark belongs to a name, and not to JSON. */
function textOf(bytes: Uint8Array, keepsMark: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: keepsMark }).decode(bytes);
  } catch {
    return undefined;
  }
}
