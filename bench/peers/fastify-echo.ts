// Bare Fastify that answers as the rules API does and does nothing: it parses the body's JSON and sends it back with an id. Prints
// where it listens.
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';

const app = Fastify();
app.post('/rules', (request, reply) => {
  void reply.code(201).send({ id: randomUUID(), ...(request.body as object) });
});
app.put('/rules/:id', (request, reply) => {
  void reply.send({ ...(request.params as { id: string }), ...(request.body as object) });
});
console.log(JSON.stringify({ url: await app.listen({ host: '127.0.0.1', port: 0 }) }));
