// Ours, by production entry points: the rules followed from their topic, the evaluator on the group's partitions. Counts all
// CPU from before it joins the group until every record is judged and what follows from them is acknowledged.
// Arguments: BOOTSTRAP RECORDS. The verdict is read afterwards from what it wrote to `notifications`.
import { parseNotification } from '../../src/alarm/notification.ts';
import { Health } from '../../src/base/health.ts';
import { createLogger } from '../../src/base/logger.ts';
import { Meter } from '../../src/base/meter.ts';
import { createEvaluate } from '../../src/evaluate/evaluate.ts';
import { recordsOf } from '../../src/log/batch.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { createRules } from '../../src/rules/rules.ts';
import { topics } from '../../src/topics.ts';
import { started } from '../peers/crossing-rules.ts';

const [bootstrap, recordsText] = process.argv.slice(2) as [string, string];
const expected = Number(recordsText);
const logger = createLogger('warn', 'bench');
const log = await openKafkaLog({ bootstrap, clientId: 'bench', logger });
await log.ensureTopics(Object.values(topics));
const [health, meter] = [new Health(), new Meter()];
const rules = createRules({ log, health, meter, logger });
const stop = new AbortController();
const running = [rules.service.run(stop.signal)];
await rules.feed.caughtUp;

const begun = started();
running.push(createEvaluate({ log, rules: rules.feed, health, meter, logger }).run(stop.signal));
let judged = 0;
while (judged < expected) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const lines = (await meter.text()).matchAll(/^ssrms_evaluate_samples_total\{outcome="\w+"\} (\d+)$/gm);
  judged = [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}
stop.abort();
await Promise.all(running);
const { user, system } = process.cpuUsage(begun.cpu);
const wallNs = Number(process.hrtime.bigint() - begun.wallNs);

let fired = 0;
let places = 0;
for (let partition = 0; partition < topics.notifications.partitions; partition++) {
  for await (const chunk of log.read(topics.notifications.name, partition, { from: { offset: 0 } })) {
    for (const record of recordsOf(chunk)) {
      const notification = parseNotification(record.value!);
      if ('problem' in notification) throw new Error(notification.problem);
      fired++;
      places += notification.sample.offset * 20 + notification.sample.partition;
    }
  }
}
await log.close();
console.log(JSON.stringify({ records: judged, cpuNs: (user + system) * 1_000, wallNs, fired, places }));
process.exit(0);
