// The first thing that comes to mind: JSON.parse, and all rules in an array. Arguments: RULES SETS EVENTS_FILE EVENTS.
import { matchThreshold, readEvents, ruleOn, type Matched } from '../support/match-load.ts';
import { heldBytes } from '../support/memory.ts';

const [rulesText, setsText, file, eventsText] = process.argv.slice(2) as [string, string, string, string];
const count = Number(eventsText);
const emptyBytes = await heldBytes();
const beganMs = performance.now();
const rules = Array.from({ length: Number(rulesText) }, (_, series) => {
  const { metric, tags } = ruleOn(series, Number(setsText));
  return { metric, tags: Object.entries(tags), threshold: matchThreshold };
});
const buildMs = performance.now() - beganMs;
const bytesPerRule = ((await heldBytes()) - emptyBytes) / rules.length;
const events = (await readEvents(file)).slice(0, count).map(({ key, value }) => [Buffer.from(key), Buffer.from(value)]);

function pass(): { matched: number; places: number } {
  let matched = 0;
  let places = 0;
  for (const [place, [key, bytes]] of events.entries()) {
    const name = key!.toString();
    const { value, tags } = JSON.parse(bytes!.toString()) as { value: number; tags: Record<string, string> };
    for (const rule of rules) {
      if (rule.metric !== name || value <= rule.threshold) continue;
      if (!rule.tags.every(([tag, wanted]) => tags[tag] === wanted)) continue;
      matched++;
      places += place;
    }
  }
  return { matched, places };
}

pass();
const cpu = process.cpuUsage();
const found = { [count]: pass() };
const { user, system } = process.cpuUsage(cpu);
const nsPerEvent = ((user + system) * 1_000) / count;
console.log(JSON.stringify({ nsPerEvent, buildMs, bytesPerRule, found } satisfies Matched));
