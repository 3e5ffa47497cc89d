// F4 of GUARANTEES.md: rules and ingest are killed while they are written to. What they answered with 2xx is in the log whole, and
// read back; what they did not may be there or not, and never half.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { postJson } from '../e2e/scenario.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { readRecords } from './evidence.ts';
import { isLong, withFleet, type Fleet } from './fleet.ts';

const kills = isLong ? 20 : 3;
/** Each of ten writers has one request under way at a time, and a pause after it: about 200 a second. */
const writers = 10;
const pauseMs = 40;

/** A service that dies and comes back somewhere else. */
class Mortal {
  readonly #fleet: Fleet;
  readonly #part: 'rules' | 'ingest';
  #process: SsrmsProcess | undefined;
  output = '';

  constructor(fleet: Fleet, part: 'rules' | 'ingest') {
    this.#fleet = fleet;
    this.#part = part;
  }

  async start(): Promise<void> {
    const env = { BROKER: this.#fleet.kafka.bootstrap, DISCORD_API_BASE: this.#fleet.fake.apiBase };
    const started = await startSsrms([this.#part], { env });
    this.#process = started;
    await this.#fleet.until(`${this.#part} is ready`, async () => (await fetch(`${this.url}/health/ready`)).ok);
  }

  get url(): string {
    return this.#process?.url ?? 'http://127.0.0.1:9';
  }

  async kill(): Promise<void> {
    this.output += this.#process?.output() ?? '';
    await this.#process?.kill();
  }

  /** The status and body of an answer; undefined when none came, or it says to come again. */
  async ask(path: string, method: string, body?: object): Promise<{ status: number; body: unknown } | undefined> {
    try {
      const answer =
        body === undefined ? await fetch(this.url + path, { method }) : await postJson(this.url + path, body, method);
      if (answer instanceof Response)
        return { status: answer.status, body: await answer.json().catch(() => undefined) };
      return answer.status === 503 ? undefined : answer;
    } catch {
      return undefined;
    }
  }
}

/** Kills at random and starts again, while the writers go on. */
async function underKills(fleet: Fleet, mortal: Mortal, write: (writer: number) => Promise<void>): Promise<void> {
  let isOver = false;
  const isGoingOn = (): boolean => !isOver;
  const writing = Array.from({ length: writers }, async (_, writer) => {
    for (; isGoingOn(); await sleep(pauseMs)) await write(writer);
  });
  for (let kill = 0; kill < kills; kill++) {
    await sleep(1_000 + fleet.random.below(1_500));
    await mortal.kill();
    await mortal.start();
  }
  await sleep(1_000);
  isOver = true;
  await Promise.all(writing);
}

test('F4: ingest killed under 200 writes a second: every accepted sample is in the log, whole and once, and is judged', async (t) => {
  await withFleet(t, { instances: 1 }, async (fleet) => {
    const ingest = new Mortal(fleet, 'ingest');
    await ingest.start();
    const accepted = new Set<number>();
    const tried = new Set<number>();
    try {
      await underKills(fleet, ingest, async (writer) => {
        const value = tried.size;
        tried.add(value);
        const tags = { writer: String(writer) };
        const answer = await ingest.ask('/api/v1/metrics', 'POST', { name: `m-${writer}`, value, tags });
        if (answer?.status === 200) accepted.add(value);
      });
    } finally {
      await ingest.kill();
    }
    const found = new Map<number, number>();
    for (let partition = 0; partition < 20; partition++) {
      for (const { key, value } of await readRecords(fleet.log, 'metrics', partition)) {
        const sample = JSON.parse(Buffer.from(value!).toString()) as { value: number; tags: { writer: string } };
        assert.equal(Buffer.from(key!).toString(), `m-${sample.tags.writer}`, 'never half');
        assert.ok(tried.has(sample.value));
        found.set(sample.value, (found.get(sample.value) ?? 0) + 1);
      }
    }
    t.diagnostic(`${accepted.size} of ${tried.size} accepted, ${found.size} in the log`);
    assert.ok(accepted.size > 200 && accepted.size < tried.size);
    assert.deepEqual(
      [...accepted].filter((value) => !found.has(value)),
      [],
      'I11: accepted, and not in the log',
    );
    assert.deepEqual(
      [...found].filter(([, copies]) => copies > 1),
      [],
      'written twice',
    );
    await fleet.drain();
    const counted = await fleet.counted('ssrms_evaluate_samples_total');
    const sum = [...counted.values()].reduce((all, count) => all + count, 0);
    assert.equal(sum, found.size, `I15: counted ${JSON.stringify([...counted])}`);
    assert.deepEqual(fleet.unexpected, []);
  });
});

interface Written {
  readonly id: string;
  /** Undefined: deleted. */
  threshold: number | undefined;
  /** What may hold instead: a request without an answer. */
  maybe: number | undefined | 'nothing';
}

test('F4: the rules API killed under writes: what it answered holds, and is read back after each kill', async (t) => {
  await withFleet(t, { instances: 0 }, async (fleet) => {
    const api = new Mortal(fleet, 'rules');
    await api.start();
    const { url } = fleet.fake.addWebhook();
    const written: Written[] = [];
    let [changes, unanswered, wrong] = [0, 0, ''];
    const fieldsOf = (threshold: number) => ({ metric_name: 'm', threshold, discord_webhook_url: url });
    const read = async ({ id, threshold, maybe }: Written): Promise<void> => {
      const answer = await api.ask(`/rules/${id}`, 'GET');
      if (answer === undefined || answer.status === 503) return;
      const seen = answer.status === 404 ? undefined : (answer.body as { threshold: number }).threshold;
      if (seen !== threshold && seen !== maybe) wrong ||= `${id} is ${seen}, and was ${threshold} or ${maybe}`;
    };
    const own = new Map<number, Written>();
    try {
      await underKills(fleet, api, async (writer) => {
        const threshold = ++changes;
        const rule = own.get(writer);
        if (rule === undefined || rule.threshold === undefined) {
          const answer = await api.ask('/rules', 'POST', fieldsOf(threshold));
          if (answer === undefined) {
            unanswered++;
            return;
          }
          assert.equal(answer.status, 201);
          const made = { id: (answer.body as { id: string }).id, threshold, maybe: 'nothing' as const };
          own.set(writer, made);
          written.push(made);
          return;
        }
        const isEnd = fleet.random.chance(0.2);
        // Nobody else knows of this rule: what holds is what was answered, or what was not.
        const answer = isEnd
          ? await api.ask(`/rules/${rule.id}`, 'DELETE')
          : await api.ask(`/rules/${rule.id}`, 'PUT', fieldsOf(threshold));
        if (answer === undefined || answer.status === 503) {
          unanswered++;
          rule.maybe = isEnd ? undefined : threshold;
          own.delete(writer);
          return;
        }
        assert.ok(
          answer.status === 200 || answer.status === 204,
          `I11: a rule that was made is answered ${answer.status}`,
        );
        rule.threshold = isEnd ? undefined : threshold;
        rule.maybe = 'nothing';
        await read(rule);
      });
      for (const rule of written) await read(rule);
    } finally {
      await api.kill();
    }
    assert.equal(wrong, '', 'I11');
    t.diagnostic(`${changes} changes of ${written.length} rules, ${unanswered} without an answer`);
    assert.ok(written.length > 20 && unanswered > 0);
    for (let partition = 0; partition < 3; partition++)
      for (const { value } of await readRecords(fleet.log, 'rules', partition))
        if (value !== null) assert.doesNotThrow(() => JSON.parse(Buffer.from(value).toString()), 'never half');
    assert.doesNotMatch(api.output, /unhandledRejection/);
  });
});
