// What one request and all of them together may take. Measured: larger bodies hold the event loop for longer than a heartbeat may wait.

/** Of the body as it comes and as it is unpacked, each. Prometheus and Telegraf stay far below it. */
export const bodyBytesMax = 8 * 1024 * 1024;

/** Unpacked to packed. gzip reaches 1,028 on a bomb, and some 20 on samples. */
export const unpackRatioMax = 100;

/** A copy of 64 bytes takes 3: no block of Snappy unpacks to more than 22 times its size. */
export const snappyRatioMax = 32;

/** What a request's samples may take of the event loop is bounded by their number; senders send 2,000. */
export const samplesMax = 20_000;

/** About 6 ms of work, after which others have their turn. */
export const samplesPerTurn = 2_000;

/** Errors that an answer lists; the counts are of all. */
export const errorsListedMax = 100;

/** Of all requests under way, unpacked: what an outage of the log may hold of our memory. */
export const bytesInFlightMax = 128 * 1024 * 1024;

/** The age of the oldest append under way at which new requests are refused: senders have buffers, we have none. */
export const queueAgeMsMax = 1_000;

/** The share of either limit at which the process calls itself not ready, so that new senders go elsewhere first. */
export const readyShareMax = 0.5;

/** Telegraf gives up after 5 s, and sends again what may then be there twice. */
export const answerMsMax = 3_000;

/** Older samples would raise alarms about the past. */
export const timestampPastMsMax = 3_600_000;

/** Kafka refuses a whole batch for one record more than an hour ahead. */
export const timestampFutureMsMax = 600_000;

/** Senders counted by name for a clock that runs ahead; those beyond are counted as `other`. */
export const skewedSubjectsMax = 100;

/** What one request's samples may come to as records: tags that stand once in a body are written with each sample. */
export const recordBytesMax = 32 * 1024 * 1024;

/** Senders whose quota is kept in memory; the one seen first is forgotten for another. */
export const quotaSubjectsMax = 1_000;

/** Nesting of OTLP's attribute values, protobuf and JSON; real clients nest less. */
export const valueDepthMax = 16;

/** How often it is asked how many partitions `metrics` has. */
export const partitionsAgainMs = 60_000;
