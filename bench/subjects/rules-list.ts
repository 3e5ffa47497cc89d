// The rules API and the console on an embedded log: where they listen, and what the search's index took. Argument: its folder. With
// `update` a thousand states of alarms are written each second from then on, a hundred of them transitions.
import { systemClock } from '../../src/base/clock.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { createConsole } from '../../src/console/console.ts';
import { createServer } from '../../src/http/server.ts';
import { noSkew, type Vitals } from '../../src/instance/instance-record.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { createPresence } from '../../src/presence/presence.ts';
import { createRules } from '../../src/rules/rules.ts';
import { topics } from '../../src/topics.ts';
import { ok, type AlarmState } from '../../src/alarm/alarm-state.ts';
import { alarmRecordOf, firingSince } from '../../src/console/testing/console-system.ts';
import { onCommand } from '../support/commands.ts';
import { heldBytes } from '../support/memory.ts';

const [dataDir] = process.argv.slice(2) as [string];
const logger = createLogger('warn', 'bench');
const log = await openSqliteLog({ dataDir, logger });
await log.ensureTopics(Object.values(topics));
const common = { log, logger, health: new Health(), meter: new Meter(), version: '0.0.0' };
const rules = createRules(common);
const signal = new AbortController().signal;
void rules.service.run(signal);
// A system whose samples are judged: the page says so of another one, above all else.
const partitions = Array.from({ length: topics.metrics.partitions }, (_, partition) => [partition, 0, 0] as const);
const vitals: Vitals = {
  evaluate: () => ({
    partitions,
    series: 0,
    samples: {},
    misrouted: 0,
    ahead: noSkew,
    behind: noSkew,
    refusedWindows: [],
  }),
};
const told = { parts: ['rules', 'alarms', 'console'], vitals, rules: rules.feed, rulePositions: rules.positions };
void createPresence({ ...common, ...told }).run(signal);
await rules.feed.caughtUp;
const { size } = rules.feed.book;
const withoutBytes = await heldBytes();
const pages = createConsole({ ...common, clock: systemClock, rules: rules.feed });
const server = await createServer({ ...common, auth: undefined });
await server.mount(rules.routes);
await server.mount(pages.routes);
const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
const beganMs = performance.now();
const cpu = process.cpuUsage();
void pages.service.run(signal);
// Few hits are counted once the index is there.
for (let isBuilt = false; !isBuilt; await sleep(100)) {
  const answer = await fetch(`${url}/api/v1/rules?q=nobody-is-called-so&limit=1`);
  isBuilt = answer.ok && 'total' in ((await answer.json()) as object);
}
const builtMs = performance.now() - beganMs;
const { user, system } = process.cpuUsage(cpu);
const bytesPerRule = ((await heldBytes()) - withoutBytes) / size;
console.log(JSON.stringify({ url, size, builtMs, cpuMs: (user + system) / 1_000, bytesPerRule }));

/** Of so many alarms; each tenth tick of one is a transition. */
const [alarmCount, updatesPerTick, tickMs] = [300, 100, 100];
onCommand({
  update() {
    const watched = [...rules.feed.book].slice(0, alarmCount);
    const states = new Map<string, AlarmState>();
    let offset = 0;
    setInterval(() => {
      const records = Array.from({ length: updatesPerTick }, (_, index) => {
        const { rule } = watched[(offset + index) % watched.length]!;
        const turn = Math.floor((offset + index) / watched.length);
        const isFiring = Math.floor(turn / 10) % 2 === index % 2;
        const x = (rule.threshold ?? 0) + (isFiring ? 1 : -1) * (1 + (turn % 10));
        const before = states.get(rule.id);
        const isRepeat = before?.state === (isFiring ? 'firing' : 'ok');
        const state = isRepeat ? before : isFiring ? firingSince(Date.now()) : ok;
        const given = { ruleId: rule.id, metric: rule.metric_name, state, isRepeat, x, offset: offset + index };
        const { record, written } = alarmRecordOf(given);
        states.set(rule.id, record.state);
        return written;
      });
      offset += updatesPerTick;
      log.append(topics.alarms.name, records).catch((error: unknown) => logger.error(error));
    }, tickMs);
  },
});
