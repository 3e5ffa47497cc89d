import { parseNotification } from '../../src/alarm/notification.ts';
import { recordsOf } from '../../src/log/batch.ts';
import type { Log } from '../../src/log/log.ts';
import { topics } from '../../src/topics.ts';

/** How many alarms fired, and the sum of offset * 20 + partition of the samples that fired them; `ids` are counted once. */
export interface Verdict {
  readonly fired: number;
  readonly places: number;
  /** Records with the id of another one: copies, which the notifier drops. */
  readonly copies: number;
}

/** Read from what the evaluator wrote to `notifications`. */
export async function verdictOf(log: Log): Promise<Verdict> {
  const ids = new Set<string>();
  let places = 0;
  let copies = 0;
  for (let partition = 0; partition < topics.notifications.partitions; partition++) {
    for await (const chunk of log.read(topics.notifications.name, partition, { from: { offset: 0 } })) {
      for (const record of recordsOf(chunk)) {
        const notification = parseNotification(record.value!);
        if ('problem' in notification) throw new Error(notification.problem);
        if (ids.has(notification.id)) {
          copies++;
          continue;
        }
        ids.add(notification.id);
        places += notification.sample.offset * 20 + notification.sample.partition;
      }
    }
  }
  return { fired: ids.size, places, copies };
}
