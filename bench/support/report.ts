import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hostFacts } from './host.ts';
import type { Round } from './options.ts';
import type { Result } from './result.ts';

/** One scenario's newest run. */
export interface ScenarioReport {
  readonly scenario: string;
  readonly isShort: boolean;
  /** Rounds of each subject, when there were others than the scenario's own number. */
  readonly pairs?: number;
  readonly at: string;
  readonly tookSeconds: number;
  readonly results: readonly Result[];
  readonly rounds: readonly Round[];
}

export interface Report {
  readonly host: Record<string, unknown>;
  readonly scenarios: Readonly<Record<string, ScenarioReport>>;
}

const file = fileURLToPath(new URL('../../bench-results.json', import.meta.url));

/** The newest run of each scenario; none where there is no file, or one of another form. */
export function readReport(): Report {
  const found = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Report>) : {};
  return { host: hostFacts(), scenarios: found.scenarios ?? {} };
}

/** Takes the place of the scenario's former run; a short one shows nothing, and only fills a gap. */
export function saveReport(report: ScenarioReport): void {
  const { host, scenarios } = readReport();
  const before = scenarios[report.scenario];
  if (report.isShort && before !== undefined && !before.isShort) return;
  const all: Report = { host, scenarios: { ...scenarios, [report.scenario]: report } };
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`);
}
