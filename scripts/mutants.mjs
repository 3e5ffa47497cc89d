// Breaks a build on purpose, once for each invariant of what must never happen, and sees that its check fails: a check that was
// never seen to fail proves nothing. Works on a copy of the last commit. Usage: node scripts/mutants.mjs [I5 …]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const sim = { evaluate: 'src/evaluate/evaluate.sim.test.ts', notify: 'src/notify/notify.sim.test.ts' };
const faultTests = (name) => `test/fault/${name}.fault.kafka.test.ts`;
const fault = { kill: faultTests('kill'), services: faultTests('services'), discord: faultTests('discord') };

/** What is broken, where, and which test must see it. `only`: how its name begins. `says`: what it must say then. */
const mutants = [
  {
    invariant: 'I1',
    broken: 'a value equal to the threshold is a breach',
    file: 'src/rule/comparison.ts',
    from: 'breaches: (value, threshold) => value > threshold,',
    to: 'breaches: (value, threshold) => value >= threshold,',
    test: sim.evaluate,
  },
  {
    invariant: 'I1',
    broken: 'silence is counted from T',
    file: 'src/evaluate/silence-watch.ts',
    from: 'const isHeard = subject.heardAtMs > this.#beganMs;',
    to: 'const isHeard = subject.heardAtMs > Infinity;',
    test: 'src/evaluate/partition-evaluator.test.ts',
  },
  {
    invariant: 'I1',
    broken: 'a decision of a clock is not written ahead',
    file: 'src/evaluate/alarms.ts',
    from: 'this.#records.writeAhead(',
    to: 'if (dues.length < 0) this.#records.writeAhead(',
    test: 'src/evaluate/restore.test.ts',
    says: /A25/,
  },
  {
    invariant: 'I2',
    broken: 'what is deferred is sent, and still deferred',
    file: 'src/alarm/step.ts',
    from: 'next: { ...firing, notified: true,',
    to: 'next: { ...firing, deferred, notified: true,',
    test: sim.evaluate,
  },
  {
    invariant: 'I2',
    broken: 'ids are random',
    file: 'src/alarm/identity.ts',
    from: 'const name = [alarm, kind, ...cause, ',
    to: 'const name = [alarm, kind, ...cause, Math.random(), ',
    test: sim.evaluate,
  },
  {
    invariant: 'I3',
    broken: 'an alarm that never fired resolves',
    file: 'src/alarm/step.ts',
    from: "return state.state === 'pending' ? become(ok, 'breach_ended_in_time')",
    to: "return state.state === 'pending' ? fire(subject, 'breach', event.timeMs, dueAt(event))",
    test: sim.evaluate,
  },
  {
    invariant: 'I4',
    broken: 'the position is committed before the appends',
    file: 'src/evaluate/effects-writer.ts',
    from: 'const timestampMs = this.#clock.wallMs();',
    to: 'const timestampMs = this.#clock.wallMs();\n    await this.#claim.commit(nextOffset);',
    test: sim.evaluate,
  },
  {
    invariant: 'I4',
    broken: 'states are written before notifications',
    file: 'src/evaluate/effects-writer.ts',
    from: 'const timestampMs = this.#clock.wallMs();',
    to: `const timestampMs = this.#clock.wallMs();
    if (states.length > 0) await this.#appendStates(states.map((one) => ({ ...stamped(one, timestampMs), partition: this.#claim.partition })));`,
    test: sim.evaluate,
  },
  {
    invariant: 'I5',
    broken: 'a 429 drops the message',
    file: 'src/notify/sender.ts',
    from: "case 'rate_limited':\n",
    to: "case 'rate_limited':\n        this.#leave(sent.attempt.batch);\n",
    test: sim.notify,
    says: /I5|I14/,
  },
  {
    invariant: 'I6',
    broken: 'what was sent before is sent again',
    file: 'src/notice/sent-notifications.ts',
    from: 'return offset <= (this.#finished.get(`${key} ${notificationId}`)?.upToOffset ?? -1);',
    to: 'return offset < 0;',
    test: sim.notify,
    says: /I6/,
  },
  {
    invariant: 'I6',
    broken: 'whoever ends in order leaves open what was never sent',
    file: 'src/notify/sender.ts',
    from: 'if (attempts.length === 0 || !claim.isHeld()) return;',
    to: 'if (claim.isHeld()) return;',
    test: sim.notify,
    says: /I6: marked/,
  },
  {
    invariant: 'I6',
    broken: 'a repeat is not marked',
    file: 'src/notify/sender.ts',
    from: 'possibleRepeat: isMarked, nowMs',
    to: 'possibleRepeat: false, nowMs',
    test: sim.notify,
    says: /I6/,
  },
  {
    invariant: 'I7',
    broken: 'retry_after is ignored',
    file: 'src/notify/sender.ts',
    from: 'this.#pace.limited(this.#context.clock.monotonicMs(), durationMs);',
    to: '',
    test: sim.notify,
    says: /I7/,
  },
  {
    invariant: 'I7',
    broken: 'invalid answers have no budget',
    file: 'src/receiver/invalid-budget.ts',
    from: "if (this.#isServed(target, nowMs)) return 'now';",
    to: "if (this.#most > 0) return 'now';",
    test: 'src/notify/invalid-answers.test.ts',
    says: /of what brings a ban/,
  },
  {
    invariant: 'I8',
    broken: 'the deadline of an open attempt is not awaited',
    file: 'src/notify/sender.ts',
    from: 'this.#pace.holdUntil(clock.monotonicMs() + leftMs);',
    to: 'void leftMs;',
    test: sim.notify,
    says: /I8/,
  },
  {
    invariant: 'I9',
    broken: 'whoever takes over sleeps for a minute',
    file: 'src/evaluate/evaluate.ts',
    from: 'const restoring = restore(',
    to: 'await new Promise((wake) => setTimeout(wake, 60_000));\n  const restoring = restore(',
    test: fault.kill,
    only: 'F1',
    says: /I9/,
  },
  {
    invariant: 'I10',
    broken: 'an unreadable record is an error',
    file: 'src/evaluate/partition-evaluator.ts',
    from: "const read = this.#index.readColumn(batch, index);\n    if (typeof read === 'string') return read;",
    to: "const read = this.#index.readColumn(batch, index);\n    if (typeof read === 'string') throw new Error(read);",
    test: 'src/evaluate/partition-evaluator.test.ts',
  },
  {
    invariant: 'I11',
    broken: 'samples are accepted before they are durable',
    file: 'src/ingest/sample-writer.ts',
    from: 'await withinTime(this.#options.admission.watch(this.#append(sink)));',
    to: 'setTimeout(() => void this.#append(sink).catch(() => {}), 200);',
    test: fault.services,
    says: /I11/,
  },
  {
    invariant: 'I11',
    broken: 'a change of a rule is answered before it is durable',
    file: 'src/rules/append-in-time.ts',
    from: 'const appended = log.append(topic, records);',
    to: `setTimeout(() => void log.append(topic, records), 200);
  const appended = Promise.resolve([{ partition: 0, offset: 0 }]);`,
    test: fault.services,
    says: /I11/,
  },
  {
    invariant: 'I12',
    broken: 'each message leaves a listener behind',
    file: 'src/notify/sender.ts',
    from: "failpoint('notify.before-request');",
    to: "failpoint('notify.before-request');\n    process.on('SIGUSR2', () => {});",
    test: fault.discord,
    only: 'F19',
    says: /I12/,
  },
  {
    invariant: 'I13',
    broken: 'a webhook is named by its URL',
    file: 'src/receiver/discord/discord-receiver.ts',
    from: 'nameOf: webhookName,',
    to: 'nameOf: (webhook) => webhookAddress(webhook, apiBase),',
    test: 'test/security/secrets.test.ts',
  },
  {
    invariant: 'I14',
    broken: 'the position is never committed',
    file: 'src/notify/partition.ts',
    from: 'await this.#context.claim.commit(position);',
    to: '',
    test: sim.notify,
    says: /I14/,
  },
  {
    invariant: 'I14',
    broken: 'what is parked holds its partition',
    file: 'src/notify/partition.ts',
    from: 'if (position === this.#committed) return;',
    to: 'if (position === this.#committed || this.#context.parking.states().length > 0) return;',
    test: sim.notify,
    says: /I14/,
  },
  {
    invariant: 'I15',
    broken: 'late samples are not counted',
    file: 'src/evaluate/partition-evaluator.ts',
    from: "if (late > 0) count('late', late);",
    to: '',
    test: 'src/evaluate/partition-evaluator.test.ts',
  },
];

const wanted = process.argv.slice(2);
const root = resolve(import.meta.dirname, '..');
const copy = join(mkdtempSync(join(tmpdir(), 'ssrms-mutants-')), 'copy');
const git = (...args) => {
  const { status, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
};

/** Resolves to what a test says; undefined when it passes. */
function failureOf(test, only) {
  // A check may take its time to see that something never comes.
  const args = ['--test', '--test-reporter=spec', '--test-concurrency=1', '--test-timeout=400000', test];
  if (only !== undefined) args.splice(1, 0, `--test-name-pattern=^${only}\\b`);
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    // The same seeds each time: what a mutant does must be seen by them.
    env: { SSRMS_SIM_SEED: '1', SSRMS_SIM_SEEDS: '500', ...process.env },
  });
  return status === 0 ? undefined : stdout + stderr;
}

git('worktree', 'add', '--quiet', '--detach', copy, 'HEAD');
let survivors = 0;
try {
  for (const folder of ['node_modules', '.cache'])
    if (existsSync(join(root, folder))) symlinkSync(join(root, folder), join(copy, folder));
  for (const { invariant, broken, file, from, to, test, only, says = /./ } of mutants) {
    if (wanted.length > 0 && !wanted.includes(invariant)) continue;
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} does not hold exactly once: ${from}`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
    const failure = failureOf(test, only);
    writeFileSync(path, text);
    const isSeen = failure !== undefined && says.test(failure);
    if (!isSeen) survivors++;
    console.log(`${isSeen ? 'seen    ' : 'NOT SEEN'} ${invariant}: ${broken} (${test})`);
  }
} finally {
  git('worktree', 'remove', '--force', copy);
  rmSync(resolve(copy, '..'), { recursive: true, force: true });
}
if (survivors > 0) console.error(`${survivors} not seen: their checks prove nothing.`);
process.exit(survivors > 0 ? 1 : 0);
