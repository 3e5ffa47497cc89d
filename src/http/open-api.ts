import type { SwaggerOptions } from '@fastify/swagger';
import { Type, type TSchema } from 'typebox';

/** How every error looks in the document. */
const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'For people: names the field, the value and what is allowed' }),
    code: Type.String({ description: 'For programs: does not change' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), code: Type.String(), message: Type.String() })),
    ),
  },
  { description: 'An error (RFC 9457)' },
);

/** A body's schema as documentation: its type stays unknown, for the noun's parser is what checks it. */
export function documented(schema: TSchema) {
  return Type.Unsafe<unknown>(schema);
}

/** The answers of a route by status: what it gives, and the statuses of its problems. Documentation, as for bodies. */
export function answers(
  given: Readonly<Record<number, TSchema>>,
  ...failed: readonly number[]
): Record<number, ReturnType<typeof documented>> {
  const pairs = [...Object.entries(given), ...failed.map((status) => [String(status), ProblemSchema] as const)];
  return Object.fromEntries(pairs.map(([status, schema]) => [status, documented(schema)]));
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
    transform: ({ schema, url, route }) => ({ schema: operationOf(schema ?? {}, route.config?.scope), url }),
  };
}

/** A route's schema, with the scope that its configuration demands. */
function operationOf<Schema extends object>(schema: Schema, scope: string | undefined): Schema {
  return scope === undefined ? schema : { ...schema, security: [{ token: [scope] }] };
}
