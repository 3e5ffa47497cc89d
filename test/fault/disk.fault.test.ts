// F16 and F17 of GUARANTEES.md, on the embedded log: no room, no right to write, no file left to open; torn and lost writes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pauseProcess } from '../support/pause-process.ts';
import { waitForValue } from '../support/wait-until.ts';
import { createLogger } from '../../src/base/logger.ts';
import { recordsOf } from '../../src/log/batch.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import type { ExpectedAlarm } from '../support/fake-discord/ledger-facts.ts';
import { discordRateLimits } from '../support/fake-discord/rate-limits.ts';
import { Random } from '../support/sim-log/random.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { isLong } from './fleet.ts';
import { bodyOf, topic } from './numbered-records.ts';

const isRoot = process.getuid?.() === 0;
const skipMount = isRoot ? false : 'only root can mount a small disk';
const logger = createLogger('silent', 'test');
const waitMsMax = 30_000;
/** Fewer than a process of Node has open from its beginning. */
const filesMin = 12;

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-disk-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder with a disk of its own of 8 MB. */
function smallDisk(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
  t.after(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** The whole system on a folder, and a rule that notifies at each sample. */
class Subject {
  readonly fake: FakeDiscord;
  readonly up: SsrmsProcess;
  readonly accepted: ExpectedAlarm[] = [];
  refused = 0;
  #ruleId = '';
  #webhookId = '';
  #value = 0;

  constructor(fake: FakeDiscord, up: SsrmsProcess) {
    this.fake = fake;
    this.up = up;
  }

  async begin(): Promise<void> {
    const { url, webhook } = this.fake.addWebhook();
    const rule = { metric_name: 'm', threshold: 0, trigger: 'every_sample', discord_webhook_url: url };
    const answer = await this.#post('/rules', rule);
    assert.equal(answer.status, 201);
    this.#ruleId = ((await answer.json()) as { id: string }).id;
    this.#webhookId = webhook.id;
  }

  /** One sample; accepted or refused, and never something between. */
  async write(): Promise<void> {
    const value = ++this.#value;
    const answer = await this.#post('/api/v1/metrics', { name: 'm', value });
    assert.ok(answer.status === 200 || answer.status === 503, `answered ${answer.status}`);
    await answer.text();
    if (answer.status === 200)
      this.accepted.push({ webhookId: this.#webhookId, ruleId: this.#ruleId, value: String(value) });
    else this.refused++;
  }

  async writeUntil(isOver: () => boolean): Promise<void> {
    for (const deadline = Date.now() + waitMsMax; !isOver(); await sleep(20)) {
      assert.ok(Date.now() < deadline, 'not in time');
      await this.write();
    }
  }

  /** Exactly what was accepted is at Discord, once, in order. */
  async check(): Promise<void> {
    const lostNow = (): readonly string[] => this.fake.facts(this.accepted).lost.slice(0, 3);
    await waitForValue('nothing is lost', lostNow, (names) => names.length === 0, {
      msMax: 2 * waitMsMax,
      pollMs: 100,
    });
    await sleep(1_500);
    const { lost, doubled, unexpected, outOfOrder, overlapped } = this.fake.facts(this.accepted);
    assert.deepEqual(
      { lost, doubled, unexpected, outOfOrder, overlapped },
      { lost: [], doubled: [], unexpected: [], outOfOrder: [], overlapped: [] },
    );
  }

  #post(path: string, body: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${this.up.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }
}

async function startSubject(t: TestContext, dataDir: string): Promise<Subject> {
  const fake = await startFakeDiscord({ limits: { ...discordRateLimits, channel: { count: 1e6, windowMs: 1_000 } } });
  const env = { DATA_DIR: dataDir, DISCORD_API_BASE: fake.apiBase, LOG_LEVEL: 'warn' };
  const up = await startSsrms(['up'], { env });
  t.after(async () => {
    await up.stop();
    await fake.close();
  });
  const subject = new Subject(fake, up);
  await subject.begin();
  return subject;
}

test(
  'F16: the disk is full: samples are refused aloud, and what was accepted is delivered once there is room',
  { skip: skipMount },
  async (t) => {
    const dataDir = smallDisk(t);
    const subject = await startSubject(t, dataDir);
    for (let round = 0; round < (isLong ? 5 : 1); round++) {
      for (let count = 0; count < 40; count++) await subject.write();
      const ballast = join(dataDir, 'ballast');
      const file = openSync(ballast, 'w');
      try {
        for (;;) writeSync(file, Buffer.alloc(4_096, 1));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      } finally {
        closeSync(file);
      }
      const before = subject.refused;
      await subject.writeUntil(() => subject.refused >= before + 20);
      // What is under way in evaluator and notifier meets the full disk as well.
      await sleep(2_000);
      const health = async (path: string): Promise<string> => {
        const answer = await fetch(`${subject.up.url}/health${path}`);
        return `${answer.status} ${await answer.text()}`;
      };
      await waitForValue('health says it', () => health(''), (said) => /^503 .*cannot be written: .*full/.test(said)); // prettier-ignore
      assert.match(await health('/ready'), /^503 /);
      rmSync(ballast);
      await waitForValue('it is ready again', () => health('/ready'), (said) => said.startsWith('200 ')); // prettier-ignore
      const acceptedBefore = subject.accepted.length;
      await subject.writeUntil(() => subject.accepted.length >= acceptedBefore + 40);
    }
    await subject.check();
    t.diagnostic(`${subject.accepted.length} accepted, ${subject.refused} refused`);
  },
);

test(
  'F16: a data folder that cannot be written is refused at the start, with the reason',
  { skip: skipMount },
  async (t) => {
    const dataDir = smallDisk(t);
    execFileSync('mount', ['-o', 'remount,ro', dataDir]);
    const { code, output } = await runSsrms(['up'], { DATA_DIR: dataDir, PORT: '0' });
    assert.notEqual(code, 0);
    assert.match(output, /cannot be written \(EROFS\)/);
  },
);

test('F16: no file can be opened any more: what is accepted arrives when there are some again, and not as a repeat', async (t) => {
  const subject = await startSubject(t, temporaryFolder(t));
  const limit = (files: number): void =>
    void execFileSync('prlimit', ['--pid', String(subject.up.pid), `--nofile=${files}:`]);
  for (let round = 0; round < (isLong ? 5 : 1); round++) {
    for (let count = 0; count < 10; count++) await subject.write();
    await subject.check();
    // Lower than any number that is free: the connection over which we write stays, and no other can be made.
    limit(filesMin);
    await subject.fake.door.set('refused');
    await subject.fake.door.set('open');
    const untilMs = Date.now() + 3_000;
    await subject.writeUntil(() => Date.now() > untilMs).catch(() => {});
    limit(10_000);
    for (let count = 0; count < 10; count++) await subject.write();
  }
  await subject.check();
  assert.match(subject.up.output(), /"reason":"EMFILE"/);
  assert.doesNotMatch(subject.up.output(), /"level":"fatal"/);
  const marked = subject.fake.ledger.accepted().filter(({ alarms }) => alarms.some(({ footer }) => footer !== ''));
  assert.deepEqual(marked, [], 'what was never sent is no repeat');
});

// F17.

const trials = isLong ? 200 : 20;
type Damage = 'none' | 'cut' | 'zeroed' | 'flipped';
const pageBytes = 4_096;

/** A writer on a folder. `stand` stops it, and says how many records it has acknowledged. */
async function startWriter(t: TestContext): Promise<{ folder: string; look: (copyTo: string) => Promise<number> }> {
  const folder = temporaryFolder(t);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'log-writer.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let acknowledged = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    acknowledged = Number(text.trimEnd().split('\n').at(-1));
  });
  await once(child.stdout, 'data');
  return {
    folder,
    async look(copyTo) {
      pauseProcess(child.pid!);
      // Heard of is what was acknowledged before it stood still.
      await sleep(20);
      const known = acknowledged;
      mkdirSync(copyTo);
      for (const name of ['log.sqlite', 'log.sqlite-wal'])
        if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(copyTo, name));
      child.kill('SIGCONT');
      return known;
    },
  };
}

/** All records that can be read, or why they cannot. */
async function readAll(folder: string): Promise<{ numbers: number[]; problem: string }> {
  const numbers: number[] = [];
  let log;
  try {
    log = await openSqliteLog({ dataDir: folder, logger });
    for await (const chunk of log.read(topic.name, 0, { from: { offset: 0 } })) {
      for (const { key, value, offset } of recordsOf(chunk)) {
        const number = Number(Buffer.from(key!).toString());
        assert.equal(Buffer.from(value!).toString(), bodyOf(number), `offset ${offset} is not what was written`);
        assert.equal(number, offset, 'offsets are those that were acknowledged');
        numbers.push(number);
      }
    }
    return { numbers, problem: '' };
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return { numbers, problem: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  } finally {
    await log?.close().catch(() => {});
  }
}

function damage(folder: string, kind: Damage, random: Random): void {
  const [wal, main] = [join(folder, 'log.sqlite-wal'), join(folder, 'log.sqlite')];
  const file = existsSync(wal) && statSync(wal).size > 0 && random.chance(0.5) ? wal : main;
  const { size } = statSync(file);
  if (kind === 'cut' && existsSync(wal)) truncateSync(wal, random.below(statSync(wal).size + 1));
  if (kind === 'zeroed') {
    const bytes = Math.min(size, pageBytes * (1 + random.below(8)));
    const handle = openSync(file, 'r+');
    writeSync(handle, Buffer.alloc(bytes), 0, bytes, size - bytes);
    closeSync(handle);
  }
  if (kind === 'flipped') {
    const handle = openSync(file, 'r+');
    for (let flips = 0; flips < 3; flips++) {
      const [at, byte] = [random.below(size), Buffer.alloc(1)];
      readSync(handle, byte, 0, 1, at);
      byte[0]! ^= 1 << random.below(8);
      writeSync(handle, byte, 0, 1, at);
    }
    closeSync(handle);
  }
}

test('F17: what was acknowledged survives a crash at any instant; torn, lost and flipped writes are never read as data', async (t) => {
  const seed = Number(process.env.SSRMS_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed} (again: SSRMS_FAULT_SEED=${seed})`);
  const random = new Random(seed);
  const { look } = await startWriter(t);
  const outcomes = new Map<string, number>();
  const copies = temporaryFolder(t);
  for (let trial = 0; trial < trials; trial++) {
    await sleep(30 + random.below(200));
    for (const kind of ['none', 'cut', 'zeroed', 'flipped'] as const) {
      const folder = join(copies, `${trial}-${kind}`);
      const acknowledged = await look(folder);
      damage(folder, kind, random);
      const { numbers, problem } = await readAll(folder);
      rmSync(folder, { recursive: true });
      const isWhole = numbers.length >= acknowledged;
      const outcome = isWhole ? 'whole' : problem === '' ? 'a part of it' : 'damage named';
      outcomes.set(`${kind}: ${outcome}`, (outcomes.get(`${kind}: ${outcome}`) ?? 0) + 1);
      // What SQLite's log of writes does not bear out from some place on was never written, as far as it can tell: the log
      // then ends there. Whatever else is wrong is named.
      assert.deepEqual(numbers, [...numbers.keys()], `${kind}, trial ${trial}: a gap, ${problem}`);
      if (kind === 'none') assert.ok(isWhole, `trial ${trial}: ${numbers.length} of ${acknowledged} acknowledged`);
    }
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)));
});
