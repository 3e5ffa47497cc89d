// Many rules in one request.
import { Type } from 'typebox';
import { RuleInput } from './rules.ts';
import { FieldChange } from './fields.ts';
import type { Shape } from './shape.ts';

/** Each is a record of the log; a caller with more sends further requests. */
export const rulesAtOnceMax = 1_000;

const Id = Type.String({ maxLength: 80 });

/** The body of `POST /api/v1/rules/bulk`. */
export const BulkOrder = Type.Object(
  {
    action: Type.Enum(['enable', 'disable', 'delete']),
    rules: Type.Array(
      Type.Object(
        {
          id: Id,
          if_match: Type.Optional(Type.String({ maxLength: 80, description: 'The ETag of the version meant' })),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: rulesAtOnceMax },
    ),
  },
  { additionalProperties: false },
);
export type BulkOrder = Shape<typeof BulkOrder>;

const Refused = Type.Array(Type.Object({ id: Type.String(), code: Type.String(), reason: Type.String() }));

/** The outcome for each rule, by id. */
export const BulkOutcome = Type.Object({
  changed: Type.Array(Type.Object({ id: Type.String(), etag: Type.Optional(Type.String()) })),
  unchanged: Type.Array(Type.String(), { description: 'They were so already' }),
  refused: Refused,
});
export type BulkOutcome = Shape<typeof BulkOutcome>;

/** The body of `POST /api/v1/rules/import`, before its rules are read. */
export const ImportOrder = Type.Object(
  {
    rules: Type.Array(Type.Unknown(), { minItems: 1, maxItems: rulesAtOnceMax }),
    dry_run: Type.Optional(Type.Boolean({ description: 'Change nothing, and say what would be done' })),
  },
  { additionalProperties: false },
);
export type ImportOrder = Shape<typeof ImportOrder>;

/** The same, as it is documented. */
export const ImportDocument = Type.Object({ ...ImportOrder.properties, rules: Type.Array(RuleInput) });

/** What a row of an import is, or became. */
export const ImportRow = Type.Object({
  outcome: Type.Enum(['new', 'changed', 'same', 'refused']),
  id: Type.Optional(Type.String()),
  metric_name: Type.Optional(Type.String()),
  fields: Type.Optional(Type.Array(FieldChange, { description: 'Of a rule that exists: the fields that differ' })),
  code: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
});
export type ImportRow = Shape<typeof ImportRow>;

export const ImportedView = Type.Object({
  rows: Type.Array(ImportRow, { description: 'One for each rule given, in their order' }),
});
export type ImportedView = Shape<typeof ImportedView>;

/** The body of `POST /api/v1/rules/export`. */
export const ExportOrder = Type.Object(
  {
    ids: Type.Array(Id, { minItems: 1, maxItems: rulesAtOnceMax }),
    with_secrets: Type.Optional(
      Type.Boolean({
        description: 'Refuse with 403 where webhook URLs would be masked, so that import takes each rule',
      }),
    ),
  },
  { additionalProperties: false },
);
export type ExportOrder = Shape<typeof ExportOrder>;
