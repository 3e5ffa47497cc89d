// A Discord with its true limits, in a process of its own, that knows every webhook. Prints its address; `take` on its standard
// input prints what came: which alarm when, and how its limits were kept.
import { startFakeDiscord } from '../../test/support/fake-discord/fake-discord.ts';
import { onCommand } from '../support/commands.ts';
import type { StormTaken } from '../support/storm.ts';

const fake = await startFakeDiscord({ acceptAny: true });
onCommand({
  take() {
    const { entries } = fake.ledger;
    const accepted = fake.ledger.accepted();
    const taken: StormTaken = {
      arrivals: accepted.flatMap(({ alarms, atMs }) =>
        alarms.map(({ ruleId }): [number, number] => [Number(ruleId.split('-').at(-1)), atMs]),
      ),
      messages: accepted.length,
      limited: entries.filter(({ status }) => status === 429).length,
      whileEmpty: entries.filter(({ whileEmpty }) => whileEmpty).length,
      banned: entries.filter(({ outcome }) => outcome === 'banned').length,
    };
    console.log(JSON.stringify(taken));
  },
  sum() {
    console.log(JSON.stringify({ alarms: fake.ledger.accepted().reduce((sum, { alarms }) => sum + alarms.length, 0) }));
  },
});
console.log(JSON.stringify({ apiBase: fake.apiBase }));
