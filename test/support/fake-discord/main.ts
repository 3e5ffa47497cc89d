// A fake Discord as a process of its own:
//   node test/support/fake-discord/main.ts --port 8089 [--webhooks 2] [--accept-any]
// It prints its address and the URL of each webhook, and ends on SIGINT or SIGTERM.
import { parseArgs } from 'node:util';
import { startFakeDiscord } from './fake-discord.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    webhooks: { type: 'string', default: '1' },
    'accept-any': { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
  },
});

/** Ids that are the same at every start, so that rules made before still find their webhook. */
const firstWebhookId = 1_100_000_000_000_000_001n;

const fake = await startFakeDiscord({
  port: Number(values.port),
  acceptAny: values['accept-any'],
  seed: Number(values.seed),
});
console.log(`fake Discord at ${fake.origin}/ (DISCORD_API_BASE=${fake.apiBase})`);
for (let index = 0; index < Number(values.webhooks); index += 1) {
  const id = String(firstWebhookId + BigInt(index));
  console.log(`webhook ${fake.addWebhook({ id, name: 'SSRMS' }).url}`);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void fake.close());
