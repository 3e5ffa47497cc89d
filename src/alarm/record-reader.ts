/** Reads the fields of a record of ours at the door. Each method throws RecordProblem, naming field and what is allowed. */
export class RecordReader {
  readonly #fields: Record<string, unknown>;
  readonly #path: string;

  constructor(json: unknown, path = '') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new RecordProblem(`${path === '' ? 'the record' : path} must be an object`);
    }
    this.#fields = json as Record<string, unknown>;
    this.#path = path;
  }

  has(field: string): boolean {
    return Object.hasOwn(this.#fields, field);
  }

  raw(field: string): unknown {
    return this.has(field) ? this.#fields[field] : undefined;
  }

  text(field: string): string {
    const value = this.raw(field);
    return typeof value === 'string' ? value : this.#refuse(field, 'must be a string');
  }

  oneOf<Choice extends string>(field: string, choices: readonly Choice[]): Choice {
    const value = choices.find((choice) => choice === this.raw(field));
    return value ?? this.#refuse(field, `must be one of ${choices.join(', ')}`);
  }

  flag(field: string): boolean {
    const value = this.raw(field);
    return typeof value === 'boolean' ? value : this.#refuse(field, 'must be true or false');
  }

  number(field: string): number {
    const value = this.raw(field);
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#refuse(field, 'must be a finite number');
  }

  /** A place in a log: a whole number from 0 on. */
  place(field: string): number {
    const value = this.number(field);
    return Number.isSafeInteger(value) && value >= 0
      ? value
      : this.#refuse(field, 'must be a whole number of at least 0');
  }

  texts(field: string): string[] {
    const value = this.raw(field);
    return Array.isArray(value) && value.every((one) => typeof one === 'string')
      ? value
      : this.#refuse(field, 'must be a list of strings');
  }

  places(field: string): number[] {
    const value = this.raw(field);
    return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0)
      ? (value as number[])
      : this.#refuse(field, 'must be a list of whole numbers');
  }

  flags(field: string): boolean[] {
    const value = this.raw(field);
    return Array.isArray(value) && value.every((one) => typeof one === 'boolean')
      ? value
      : this.#refuse(field, 'must be a list of true and false');
  }

  object(field: string): RecordReader {
    return new RecordReader(this.raw(field), `${this.#path}${field}.`);
  }

  objects(field: string): RecordReader[] {
    const value = this.raw(field);
    if (!Array.isArray(value)) return this.#refuse(field, 'must be a list');
    return value.map((one, index) => new RecordReader(one, `${this.#path}${field}[${index}].`));
  }

  /** What `read` gives when the field is there. */
  optional<Value>(field: string, read: (field: string) => Value): Value | undefined {
    return this.has(field) ? read(field) : undefined;
  }

  #refuse(field: string, allowed: string): never {
    throw new RecordProblem(`${this.#path}${field} ${allowed}`);
  }
}

/** A record that is not of the expected form. The message holds no value of it. */
export class RecordProblem extends Error {
  override name = 'RecordProblem';
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The JSON of a record's value. Throws RecordProblem. */
export function recordJson(value: Uint8Array | string): unknown {
  try {
    return JSON.parse(typeof value === 'string' ? value : decoder.decode(value));
  } catch {
    throw new RecordProblem('the record must be JSON in UTF-8');
  }
}

/** What `read` gives, or the problem it threw. */
export function orProblem<Value>(read: () => Value): Value | { readonly problem: string } {
  try {
    return read();
  } catch (error) {
    if (error instanceof RecordProblem) return { problem: error.message };
    throw error;
  }
}
