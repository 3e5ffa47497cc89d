// The bodies and answers of those who publish samples: our own JSON, and what the protocols of others prescribe.
import { Type } from 'typebox';
import { Problem } from './problem.ts';
import type { Shape } from './shape.ts';

export const SampleInput = Type.Object({
  name: Type.String({ description: 'The metric, 1 to 255 bytes' }),
  value: Type.Number(),
  timestamp: Type.Optional(
    Type.Union([Type.Number(), Type.String()], { description: 'Milliseconds since 1970, or RFC 3339. Missing: now' }),
  ),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
});
/** The body of `POST /api/v1/metrics`. */
export const SamplesInput = Type.Union([
  SampleInput,
  Type.Array(SampleInput),
  Type.Object({ metrics: Type.Array(SampleInput) }),
]);
export type SamplesInput = Shape<typeof SamplesInput>;

const SampleErrors = Type.Array(Type.Object({ index: Type.Integer(), code: Type.String(), message: Type.String() }), {
  description: 'The first of the wrong samples, by their place in the body',
});

export const AcceptedView = Type.Object({ accepted: Type.Integer() });
export type AcceptedView = Shape<typeof AcceptedView>;

/** Some samples were written, the others were wrong. */
export const PartlyAcceptedView = Type.Object({
  accepted: Type.Integer(),
  rejected: Type.Integer(),
  errors: SampleErrors,
});
export type PartlyAcceptedView = Shape<typeof PartlyAcceptedView>;

/** Nothing was written, because of the samples named. */
export const SamplesRefused = Type.Object({
  ...Problem.properties,
  ...PartlyAcceptedView.properties,
});
export type SamplesRefused = Shape<typeof SamplesRefused>;

/** An error of Influx' write APIs, by the version of the API. */
export const InfluxError = {
  1: Type.Object({ error: Type.String() }),
  2: Type.Object({ code: Type.String(), message: Type.String(), line: Type.Optional(Type.Integer()) }),
};
export type InfluxError<Version extends 1 | 2> = Shape<(typeof InfluxError)[Version]>;

/** `/query`: clients of Influx v1 create a database before they write. */
export const InfluxResults = Type.Object({ results: Type.Array(Type.Unknown()) });
export type InfluxResults = Shape<typeof InfluxResults>;

/** `POST /v1/metrics` as JSON: ExportMetricsServiceResponse. */
export const OtlpSuccess = Type.Object({
  partialSuccess: Type.Optional(Type.Object({ rejectedDataPoints: Type.String(), errorMessage: Type.String() })),
});
export type OtlpSuccess = Shape<typeof OtlpSuccess>;

/** `POST /v1/metrics` as JSON: google.rpc.Status. */
export const OtlpStatus = Type.Object({ code: Type.Integer(), message: Type.String() });
export type OtlpStatus = Shape<typeof OtlpStatus>;
