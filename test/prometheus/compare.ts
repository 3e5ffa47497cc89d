// Usage: npm run prometheus [-- HISTORIES]. Compares translated rules with Prometheus' own evaluation (see docs/PROMETHEUS.md).
import { readFileSync } from 'node:fs';
import { compare, pointsMax, pointsOf, type Comparison } from './comparison.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Date.now() / 1_000) % 1_000_000);
const histories = Number(process.argv[2] ?? 8);
const durationMs = 4 * 3_600_000;
const rules = readFileSync(new URL('rules.yml', import.meta.url), 'utf8');
const sums = new Map<string, Comparison>();
for (let history = 0; history < histories; history += 1) {
  for (const found of await compare(rules, seed + history, durationMs)) {
    const sum = sums.get(found.alert);
    sums.set(found.alert, sum === undefined ? found : added(sum, found));
  }
  console.log(`seed ${seed + history}: ${durationMs / 3_600_000} h`);
}

function added(one: Comparison, other: Comparison): Comparison {
  return {
    alert: one.alert,
    subjectMs: one.subjectMs + other.subjectMs,
    oursMs: one.oursMs + other.oursMs,
    halfLaterMs: one.halfLaterMs + other.halfLaterMs,
    firings: one.firings + other.firings,
  };
}

const percent = (differing: number, all: number): string => `${(100 - (100 * differing) / all).toFixed(1)} %`;
let within = 0;
console.log(`${'rule'.padEnd(26)}   ours  half later   points  firings`);
for (const sum of sums.values()) {
  const { alert, subjectMs, oursMs, halfLaterMs, firings } = sum;
  const points = pointsOf(sum);
  const isWithin = points <= pointsMax && firings > 0;
  if (isWithin) within += 1;
  console.log(
    [
      alert.padEnd(26),
      percent(oursMs, subjectMs).padStart(7),
      percent(halfLaterMs, subjectMs).padStart(10),
      points.toFixed(1).padStart(8),
      String(firings).padStart(8),
      isWithin ? '' : firings === 0 ? ' never fired' : ' further away',
    ].join(' '),
  );
}
console.log(`seeds ${seed} to ${seed + histories - 1}: SEED=${seed} npm run prometheus -- ${histories}`);
console.log(`${within} of ${sums.size} rules within ${pointsMax} points of Prometheus half an interval later`);
