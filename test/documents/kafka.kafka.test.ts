// The commands that name a broker, from the README and from help, typed as they are printed but for where the broker is.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startKafka, type Kafka } from '../support/kafka/kafka-broker.ts';
import { helps } from './command-words.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const printedBroker = 'kafka-1:9092';

let kafka: Kafka;
let terminal: Terminal;
before(async () => {
  kafka = await startKafka();
  terminal = openTerminal({ PORT: '0', LOG_LEVEL: 'warn' });
});
after(async () => {
  terminal.close();
  await kafka.stop();
});

/** "On Kafka (`BROKER=kafka-1:9092`) each service runs alone", and the table below that. */
const [, setting = '', table = ''] =
  /\(`(BROKER=\S+)`\) each service runs alone[^]*?((?:^\|.*\n)+)/m.exec(readFileSync('README.md', 'utf8')) ?? [];
const services = [...table.matchAll(/^\| `(ssrms \w+)`/gm)].map(([, command]) => `${setting} ${command}`);
const examples = helps().flatMap((help) => help.examples.filter((example) => example.startsWith('BROKER=')));

test('the README names each service, and help has examples with a broker', () => {
  assert.equal(services.length, 5);
  assert.ok(examples.length >= 2);
});

for (const command of new Set([...services, ...examples])) {
  test(command, async () => {
    assert.ok(command.includes(printedBroker));
    const typed = command.replace(printedBroker, kafka.bootstrap);
    if (!/ssrms (up|rules|ingest|alarms|console)$/.test(command)) {
      const { code, output } = await terminal.type(typed);
      assert.equal(code, 0, output);
      return;
    }
    const service = await terminal.start(typed, /http:\/\/127\.0\.0\.1:\d+/);
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(service.output()) ?? [];
    try {
      assert.equal((await fetch(`${url}/health/live`)).status, 200);
    } finally {
      await service.interrupt();
    }
  });
}
