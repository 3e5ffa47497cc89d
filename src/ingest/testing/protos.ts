// The messages of the protocols as @bufbuild/protobuf knows them: an encoder and a decoder that share nothing with our
// readers, for tests to hold them against. The layouts are those of the public specifications.
import { create, createFileRegistry, fromBinary, toBinary, toJson, type DescMessage } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

type Layout = Readonly<Record<string, readonly [number, string]>>;

/** A field is [number, type]; `[]` behind the type repeats it, another name is a message of this table. */
const layouts: Record<string, Layout> = {
  WriteRequest: { timeseries: [1, 'TimeSeries[]'], metadata: [3, 'Metadata[]'] },
  TimeSeries: {
    labels: [1, 'Label[]'],
    samples: [2, 'Sample[]'],
    exemplars: [3, 'Exemplar[]'],
    histograms: [4, 'NativeHistogram[]'],
  },
  Label: { name: [1, 'string'], value: [2, 'string'] },
  Sample: { value: [1, 'double'], timestamp: [2, 'int64'] },
  Exemplar: { labels: [1, 'Label[]'], value: [2, 'double'], timestamp: [3, 'int64'] },
  Metadata: { type: [1, 'int32'], metric_family_name: [2, 'string'], help: [4, 'string'], unit: [5, 'string'] },
  NativeHistogram: {
    count_int: [1, 'uint64'],
    count_float: [2, 'double'],
    sum: [3, 'double'],
    schema: [4, 'sint32'],
    zero_threshold: [5, 'double'],
    zero_count_int: [6, 'uint64'],
    zero_count_float: [7, 'double'],
    negative_spans: [8, 'BucketSpan[]'],
    negative_deltas: [9, 'sint64[]'],
    negative_counts: [10, 'double[]'],
    positive_spans: [11, 'BucketSpan[]'],
    positive_deltas: [12, 'sint64[]'],
    positive_counts: [13, 'double[]'],
    timestamp: [15, 'int64'],
    custom_values: [16, 'double[]'],
  },
  BucketSpan: { offset: [1, 'sint32'], length: [2, 'uint32'] },
  Request2: { symbols: [4, 'string[]'], timeseries: [5, 'TimeSeries2[]'] },
  TimeSeries2: {
    labels_refs: [1, 'uint32[]'],
    samples: [2, 'Sample[]'],
    histograms: [3, 'NativeHistogram[]'],
    exemplars: [4, 'Exemplar2[]'],
    metadata: [5, 'Metadata2'],
    created_timestamp: [6, 'int64'],
  },
  Exemplar2: { labels_refs: [1, 'uint32[]'], value: [2, 'double'], timestamp: [3, 'int64'] },
  Metadata2: { type: [1, 'int32'], help_ref: [3, 'uint32'], unit_ref: [4, 'uint32'] },
  ExportMetricsServiceRequest: { resource_metrics: [1, 'ResourceMetrics[]'] },
  ExportMetricsServiceResponse: { partial_success: [1, 'PartialSuccess'] },
  PartialSuccess: { rejected_data_points: [1, 'int64'], error_message: [2, 'string'] },
  Status: { code: [1, 'int32'], message: [2, 'string'] },
  ResourceMetrics: { resource: [1, 'Resource'], scope_metrics: [2, 'ScopeMetrics[]'], schema_url: [3, 'string'] },
  Resource: { attributes: [1, 'KeyValue[]'] },
  ScopeMetrics: { scope: [1, 'Scope'], metrics: [2, 'Metric[]'] },
  Scope: { name: [1, 'string'], version: [2, 'string'] },
  Metric: {
    name: [1, 'string'],
    description: [2, 'string'],
    unit: [3, 'string'],
    gauge: [5, 'Gauge'],
    sum: [7, 'Sum'],
    histogram: [9, 'Histogram'],
    exponential_histogram: [10, 'ExponentialHistogram'],
    summary: [11, 'Summary'],
  },
  Gauge: { data_points: [1, 'NumberDataPoint[]'] },
  Sum: { data_points: [1, 'NumberDataPoint[]'], aggregation_temporality: [2, 'int32'], is_monotonic: [3, 'bool'] },
  Histogram: { data_points: [1, 'HistogramDataPoint[]'], aggregation_temporality: [2, 'int32'] },
  ExponentialHistogram: { data_points: [1, 'ExponentialPoint[]'], aggregation_temporality: [2, 'int32'] },
  Summary: { data_points: [1, 'SummaryDataPoint[]'] },
  NumberDataPoint: {
    attributes: [7, 'KeyValue[]'],
    start_time_unix_nano: [2, 'fixed64'],
    time_unix_nano: [3, 'fixed64'],
    as_double: [4, 'double?'],
    as_int: [6, 'sfixed64?'],
    flags: [8, 'uint32'],
  },
  HistogramDataPoint: {
    attributes: [9, 'KeyValue[]'],
    time_unix_nano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double?'],
    bucket_counts: [6, 'fixed64[]'],
    explicit_bounds: [7, 'double[]'],
    flags: [10, 'uint32'],
    min: [11, 'double?'],
    max: [12, 'double?'],
  },
  ExponentialPoint: {
    attributes: [1, 'KeyValue[]'],
    time_unix_nano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double?'],
    scale: [6, 'sint32'],
    flags: [10, 'uint32'],
    min: [12, 'double?'],
    max: [13, 'double?'],
  },
  SummaryDataPoint: {
    attributes: [7, 'KeyValue[]'],
    time_unix_nano: [3, 'fixed64'],
    count: [4, 'fixed64'],
    sum: [5, 'double'],
    quantile_values: [6, 'Quantile[]'],
    flags: [8, 'uint32'],
  },
  Quantile: { quantile: [1, 'double'], value: [2, 'double'] },
  KeyValue: { key: [1, 'string'], value: [2, 'AnyValue'] },
  AnyValue: {
    string_value: [1, 'string?'],
    bool_value: [2, 'bool?'],
    int_value: [3, 'int64?'],
    double_value: [4, 'double?'],
    array_value: [5, 'ArrayValue'],
    kvlist_value: [6, 'KeyValueList'],
    bytes_value: [7, 'bytes?'],
  },
  ArrayValue: { values: [1, 'AnyValue[]'] },
  KeyValueList: { values: [1, 'KeyValue[]'] },
};

function fieldOf(name: string, [number, type]: readonly [number, string], oneofIndex: number) {
  const plain = type.replace(/[[\]?]/g, '');
  const scalar = FieldDescriptorProto_Type[plain.toUpperCase() as keyof typeof FieldDescriptorProto_Type];
  return {
    name,
    jsonName: name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    number,
    label: type.endsWith('[]') ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
    ...(Object.hasOwn(layouts, plain)
      ? { type: FieldDescriptorProto_Type.MESSAGE, typeName: `.ssrms.${plain}` }
      : { type: scalar }),
    ...(type.endsWith('?') && { proto3Optional: true, oneofIndex }),
  };
}

const file = create(FileDescriptorProtoSchema, {
  name: 'ssrms.proto',
  package: 'ssrms',
  syntax: 'proto3',
  messageType: Object.entries(layouts).map(([name, layout]) => {
    const optionals = Object.keys(layout).filter((field) => layout[field]![1].endsWith('?'));
    return {
      name,
      field: Object.entries(layout).map(([field, given]) => fieldOf(field, given, optionals.indexOf(field))),
      oneofDecl: optionals.map((field) => ({ name: `_${field}` })),
    };
  }),
});
const registry = createFileRegistry(file, () => undefined);

function schemaOf(name: string): DescMessage {
  return registry.getMessage(`ssrms.${name}`)!;
}

/** The bytes of a message; fields in lowerCamelCase, 64-bit integers as BigInt. */
export function encode(message: string, fields: object): Buffer {
  const schema = schemaOf(message);
  return Buffer.from(toBinary(schema, create(schema, fields as never)));
}

/** Throws for bytes that are no such message. */
export function decode(message: string, bytes: Uint8Array): Record<string, unknown> {
  return fromBinary(schemaOf(message), bytes);
}

/** A message's bytes in protobuf's JSON. */
export function jsonOf(message: string, bytes: Uint8Array): unknown {
  const schema = schemaOf(message);
  return toJson(schema, fromBinary(schema, bytes), { registry });
}
