// What a team writes in an afternoon, at its libraries' best documented settings: Fastify parses the body, KafkaJS writes one
// message a sample with acks from all, the body's samples in one call. Argument: BOOTSTRAP. Prints where it listens.
import Fastify from 'fastify';
import { Kafka, logLevel, Partitioners } from 'kafkajs';

interface Posted {
  readonly name: string;
  readonly value: number;
  readonly tags?: Readonly<Record<string, string>>;
}

const [bootstrap] = process.argv.slice(2) as [string];
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
const producer = kafka.producer({
  createPartitioner: Partitioners.DefaultPartitioner,
  idempotent: true,
  maxInFlightRequests: 5,
});
await producer.connect();
const app = Fastify({ bodyLimit: 8 * 1024 * 1024 });
// oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Fastify waits for it, unlike Express.
app.post<{ Body: readonly Posted[] }>('/api/v1/metrics', async (request) => {
  const timestamp = String(Date.now());
  await producer.send({
    topic: 'metrics',
    acks: -1,
    messages: request.body.map(({ name, value, tags }) => {
      if (typeof name !== 'string' || !Number.isFinite(value)) throw new Error('a sample is wrong');
      return { key: name, value: JSON.stringify({ value, tags }), timestamp };
    }),
  });
  return { accepted: request.body.length };
});
console.log(JSON.stringify({ url: await app.listen({ host: '127.0.0.1', port: 0 }) }));
