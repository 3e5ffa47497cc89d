// A fake Discord as a process of its own:
//   node test/support/fake-discord/main.ts --port 8089 [--host 0.0.0.0] [--webhooks 2] [--accept-any] [--no-limits] [--latency 50-3000]
//        [--tls trusted|self_signed|expired|wrong_name --ca-file authority.pem] [--seed 1]
// It prints its address, where it is controlled, and the URL of each webhook, and ends on SIGINT or SIGTERM. Over
// `POST /_control` it takes faults and the like (control-routes.ts), and `POST /_facts` says what was lost or doubled.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { certificateKinds, type CertificateKind } from './certificates.ts';
import { startFakeDiscord } from './fake-discord.ts';
import { noRateLimits } from './rate-limits.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    webhooks: { type: 'string', default: '1' },
    'accept-any': { type: 'boolean', default: false },
    'no-limits': { type: 'boolean', default: false },
    latency: { type: 'string', default: '0-0' },
    tls: { type: 'string' },
    'ca-file': { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

/** Ids that are the same at every start, so that rules made before still find their webhook. */
const firstWebhookId = 1_100_000_000_000_000_001n;

if (values.tls !== undefined && !certificateKinds.includes(values.tls as CertificateKind))
  throw new Error(`--tls is ${values.tls}, and may be ${certificateKinds.join(', ')}`);
const [leastMs = 0, mostMs = leastMs] = values.latency.split('-').map(Number);
const fake = await startFakeDiscord({
  port: Number(values.port),
  host: values.host,
  acceptAny: values['accept-any'],
  seed: Number(values.seed),
  latencyMs: [leastMs, mostMs],
  ...(values['no-limits'] && { limits: noRateLimits }),
  ...(values.tls !== undefined && { tls: values.tls as CertificateKind }),
});
if (values['ca-file'] !== undefined && fake.authorityCert !== undefined)
  writeFileSync(values['ca-file'], fake.authorityCert);
console.log(`fake Discord at ${fake.origin}/ (DISCORD_API_BASE=${fake.apiBase})`);
console.log(`control at ${fake.controlOrigin}/`);
for (let index = 0; index < Number(values.webhooks); index += 1) {
  const id = String(firstWebhookId + BigInt(index));
  console.log(`webhook ${fake.addWebhook({ id, name: 'SSRMS' }).url}`);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void fake.close());
