// Compares every answer of a test's server with the schema that its route declares, so that the OpenAPI document cannot drift.
// A field that the schema does not have is as wrong as one that is missing. What is looked at is the text that is sent.
import assert from 'node:assert/strict';
import { PassThrough, type Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Problem } from '../../wire/problem.ts';
import { isChange } from '../access.ts';
import { problemContentType } from '../problem.ts';
import type { HttpApp } from '../http-app.ts';

/** Method, address and status of answers that were compared, such as `GET /rules/:id 200`. */
export const answersSeen = new Set<string>();

type Content = { readonly content: Readonly<Record<string, { readonly schema: TSchema }>> };
type Declared = TSchema | Content;

const isContent = (declared: Declared): declared is Content => 'content' in declared;

const unfit: string[] = [];

// Whatever the test made of the answer, its file fails. A hook of the test runner would keep later ones from closing the server.
process.once('exit', () => {
  if (unfit.length === 0) return;
  console.error(`answers that do not fit the schema of their route:\n${unfit.join('\n')}`);
  process.exitCode = 1;
});

/** Call it before routes are mounted. */
export function checkAnswers(app: HttpApp): void {
  app.addHook('onSend', async (request, reply, payload) => {
    // The page's own files, and what has no body because it was asked by HEAD.
    if (request.routeOptions.schema?.hide === true || request.method === 'HEAD') return payload;
    if (isReadable(payload)) return looked(payload, (text) => check(request, reply, text));
    check(request, reply, textOf(payload));
    return payload;
  });
}

function isReadable(payload: unknown): payload is Readable {
  return typeof payload === 'object' && payload !== null && 'pipe' in payload;
}

function textOf(payload: unknown): string {
  return Buffer.isBuffer(payload) ? payload.toString() : typeof payload === 'string' ? payload : '';
}

/** The same stream, whose text is looked at when it has ended, or its client has gone. */
function looked(stream: Readable, look: (text: string) => void): Readable {
  const through = new PassThrough();
  let text = '';
  through.on('data', (chunk: Buffer) => (text += chunk.toString()));
  through.pause();
  // A stream that fails before its first byte is answered otherwise.
  stream.once('error', (error) => through.destroy(error));
  through.once('close', () => {
    stream.destroy();
    if (through.errored === null) look(text);
  });
  return stream.pipe(through);
}

function check(request: FastifyRequest, reply: FastifyReply, text: string): void {
  const mediaType = String(reply.getHeader('content-type') ?? '').split(';')[0]!;
  const name = `${request.method} ${request.routeOptions.url ?? 'no route'} ${reply.statusCode}`;
  answersSeen.add(name);
  try {
    const schema = schemaOf(request, reply.statusCode, mediaType);
    for (const value of valuesOf(text, mediaType, schema)) assertFits(value.value, value.schema);
  } catch (error) {
    unfit.push(`${name}: ${(error as Error).message}\n${text.slice(0, 2_000)}`);
  }
}

/** What the route declares of such an answer. */
function schemaOf(request: FastifyRequest, status: number, mediaType: string): TSchema {
  const declared = request.routeOptions.schema?.response as Readonly<Record<string, Declared>> | undefined;
  const found = declared?.[String(status)];
  if (found === undefined) {
    // What no route answers, and what any route answers by a fault of its own.
    const isAnywhere =
      request.routeOptions.url === undefined ||
      status === 500 ||
      (status === 429 && isChange(request.routeOptions.config));
    assert.ok(
      isAnywhere && mediaType === problemContentType,
      `no schema of ${mediaType || 'an answer without a body'}`,
    );
    return Problem;
  }
  if (!isContent(found)) return found;
  const one = found.content[mediaType];
  assert.ok(one !== undefined, `no schema of ${mediaType}`);
  return one.schema;
}

interface Sent {
  readonly value: unknown;
  readonly schema: TSchema;
}

/** The values that a body holds: one, or those of its lines or events. */
function valuesOf(text: string, mediaType: string, schema: TSchema): readonly Sent[] {
  if ((schema as { type?: string }).type === 'null') {
    assert.equal(text, '', 'a body, where none is declared');
    return [];
  }
  if (mediaType === 'application/x-ndjson')
    return wholeParts(text, '\n').map((line) => ({ value: JSON.parse(line) as unknown, schema }));
  if (mediaType === 'text/event-stream') return wholeParts(text, '\n\n').flatMap((block) => eventOf(block, schema));
  return [{ value: mediaType.endsWith('json') ? JSON.parse(text) : text, schema }];
}

/** Without the last one, which is cut off when the client goes. */
const wholeParts = (text: string, end: string): string[] => text.split(end).slice(0, -1);

function eventOf(block: string, schema: TSchema): readonly Sent[] {
  const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  const [event, data] = [fields.get('event'), fields.get('data')];
  if (event === undefined || data === undefined) return [];
  const known = (schema as unknown as { properties: Record<string, TSchema> }).properties[event];
  assert.ok(known !== undefined, `no schema of the event ${event}`);
  return [{ value: JSON.parse(data), schema: known }];
}

const compiled = new Map<TSchema, ReturnType<typeof Compile>>();

function assertFits(value: unknown, schema: TSchema): void {
  let validator = compiled.get(schema);
  if (validator === undefined) compiled.set(schema, (validator = Compile(strict(schema) as TSchema)));
  if (validator.Check(value)) return;
  const [first] = validator.Errors(value);
  assert.fail(`${first?.instancePath ?? ''} ${first?.message ?? ''} ${JSON.stringify(first?.params ?? {})}`);
}

/** The schema, with no fields allowed in an object but the named ones. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, strict(value)]));
  const isObject = copy['type'] === 'object' && typeof copy['properties'] === 'object';
  return isObject ? { additionalProperties: false, ...copy } : copy;
}
