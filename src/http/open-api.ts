import type { SwaggerOptions } from '@fastify/swagger';
import type { FastifyContextConfig, FastifySchema } from 'fastify';
import { Type, type TSchema, type TUnsafe } from 'typebox';
import { isChange } from './access.ts';
import { Problem } from '../wire/problem.ts';
import type { Shape } from '../wire/shape.ts';

/** A body's schema as documentation: its type stays unknown, because the noun's parser checks it. */
export function documented(schema: TSchema) {
  return Type.Unsafe<unknown>(schema);
}

/** An answer of a media type other than JSON; of a stream the schema describes each event or line. */
export interface Content {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: TSchema | object }>>;
}

export function content(mediaType: string, schema: TSchema | object, description: string): Content {
  return { description, content: { [mediaType]: { schema } } };
}

/** An answer without a body. */
export const noContent = (description: string) => Type.Unsafe<undefined>({ type: 'null', description });

/**
 * The answers of a route by status: what it sends, which the compiler holds its handler to, and the statuses of its problems.
 * Tests compare every answer with these schemas (testing/answer-check.ts).
 */
export function answers<Given extends Readonly<Record<number, TSchema>>>(
  given: Given,
  ...failed: readonly number[]
): { readonly [Status in keyof Given]: TUnsafe<Shape<Extract<Given[Status], TSchema>>> } {
  const problems = failed.map((status) => [String(status), Problem] as const);
  return { ...given, ...Object.fromEntries(problems) } as never;
}

/** The same for a handler that sends JSON as text, or media types of its own. */
export function answersAsText(
  given: Readonly<Record<number, TSchema | Content>>,
  ...failed: readonly number[]
): Record<number, TUnsafe> {
  return answers(given as Record<number, TSchema>, ...failed);
}

export function openApi(version: string): SwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'SSRMS',
        version,
        description:
          'Rules on metrics, alarms on Discord. Where tokens are configured, each operation names its scope.',
      },
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
    transform: ({ schema, url, route }) => ({
      schema: operationOf(schema ?? {}, route.config ?? {}),
      url,
    }),
  };
}

/** A route's schema, with the scopes of which its configuration demands one, and what any such route may answer. */
function operationOf(schema: FastifySchema, config: FastifyContextConfig): FastifySchema {
  const scopes = [config.scope, config.orScope].filter((scope) => scope !== undefined);
  if (scopes.length === 0) return schema;
  const security = scopes.map((scope) => ({ token: [scope] }));
  if (!isChange(config)) return { ...schema, security };
  return { ...schema, security, response: { 429: Problem, ...(schema.response as object) } };
}
