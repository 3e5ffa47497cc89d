// A short form of `npm run prometheus`: one random history, in a few seconds.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { needs } from '../clients/programs.ts';
import { compare, pointsMax, pointsOf, translated } from './comparison.ts';

const rules = readFileSync(new URL('rules.yml', import.meta.url), 'utf8');
const seed = Number(process.env['SEED'] ?? Math.floor(Date.now() / 1_000) % 1_000_000);
/** In so short a history a few moments are many points; a rule that means something else is further away. */
const shortPointsMax = 25;

test('every alert of the comparison is translated', () => {
  assert.equal(translated(rules).length, [...rules.matchAll(/- alert:/g)].length);
});

test(
  `translated rules agree with Prometheus as it does with itself half an interval later (SEED=${seed})`,
  needs('promtool'),
  async () => {
    const compared = (await compare(rules, seed, 3_600_000)).filter(({ firings }) => firings > 0);
    assert.ok(compared.length >= 40, `${compared.length} alerts fired`);
    const far = compared.filter((each) => pointsOf(each) > shortPointsMax);
    assert.deepEqual(
      far.map((each) => `${each.alert} ${pointsOf(each)}`),
      [],
    );
    const near = compared.filter((each) => pointsOf(each) <= pointsMax);
    assert.ok(near.length >= 0.8 * compared.length, `${near.length} of ${compared.length} within ${pointsMax} points`);
  },
);
