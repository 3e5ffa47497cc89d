// Hears of alarms where the evaluator writes them: follows `notifications` from its beginning. Argument: BOOTSTRAP. `take` prints the
// arrivals since the last one; a record with the id of an earlier one is a copy, which the notifier drops, and is only counted.
import { parseNotification } from '../../src/alarm/notification.ts';
import { createLogger } from '../../src/base/logger.ts';
import { recordsOf } from '../../src/log/batch.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { topics } from '../../src/topics.ts';
import { onCommand } from '../support/commands.ts';
import { alarmValue, type Arrivals } from '../support/detection.ts';
import { nowNs } from '../support/open-loop.ts';

const [bootstrap] = process.argv.slice(2) as [string];
const log = await openKafkaLog({ bootstrap, clientId: 'ears', logger: createLogger('warn', 'ears') });
const ids = new Set<string>();
let arrivals: [number, number][] = [];
let copies = 0;
const view = log.view(
  topics.notifications.name,
  (chunk) => {
    const heardNs = nowNs();
    for (const { value } of recordsOf(chunk)) {
      const notification = parseNotification(value!);
      if ('problem' in notification) throw new Error(notification.problem);
      if (notification.kind !== 'fired' || notification.x === undefined) continue;
      if (ids.has(notification.id)) copies++;
      else arrivals.push([notification.x - alarmValue, heardNs]);
      ids.add(notification.id);
    }
  },
  new AbortController().signal,
);
await view.caughtUp;
onCommand({
  take() {
    console.log(JSON.stringify({ arrivals, copies } satisfies Arrivals));
    arrivals = [];
    copies = 0;
  },
});
console.log(JSON.stringify({ ready: true }));
