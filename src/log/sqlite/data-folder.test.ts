import { test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../base/logger.ts';
import { newRecord } from '../contract-bench.ts';
import { openSqliteLog } from './sqlite-log.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

interface Opened {
  /** Of the folder, then of each file by its name. */
  readonly modes: readonly (readonly [string, string])[];
  readonly warnings: readonly string[];
}

async function openOnce(dataDir: string): Promise<Opened> {
  const warnings: string[] = [];
  const warn = (fields: object, text: string): number => warnings.push(`${JSON.stringify(fields)} ${text}`);
  const log = await openSqliteLog({ dataDir, logger: { warn, info() {}, error() {} } as unknown as Logger });
  await log.ensureTopics([{ name: 'rules', partitions: 1, cleanup: 'delete', retentionMs: 1e9 }]);
  await log.append('rules', [newRecord('key', 'value')]);
  const files = readdirSync(dataDir).map((name) => [name, modeOf(join(dataDir, name))] as const);
  await log.close();
  return { modes: [['folder', modeOf(dataDir)], ...files], warnings };
}

test('the data folder and its files are for their owner alone, whatever the umask is', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'ssrms-folder-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const umask = process.umask(0o022);
  try {
    const fresh = await openOnce(join(root, 'above', 'data'));
    assert.ok(fresh.modes.length >= 4, 'folder, database, its log and owner');
    for (const [name, mode] of fresh.modes) assert.equal(mode, name === 'folder' ? '700' : '600', name);
    assert.equal(modeOf(join(root, 'above')), '755', 'the folders above hold nothing of ours');
    assert.deepEqual(fresh.warnings, []);
  } finally {
    process.umask(umask);
  }
});

test('a folder of a version before gets its files closed; that it is open itself is said with what to do', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'ssrms-folder-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const dataDir = join(root, 'data');
  mkdirSync(dataDir);
  await openOnce(dataDir);
  for (const name of readdirSync(dataDir)) chmodSync(join(dataDir, name), 0o644);
  for (const mode of [0o755, 0o750, 0o707]) {
    chmodSync(dataDir, mode);
    const { modes, warnings } = await openOnce(dataDir);
    for (const [name, file] of modes) assert.equal(file, name === 'folder' ? mode.toString(8) : '600', name);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, new RegExp(`chmod 700 .*data.*${mode.toString(8)}|${mode.toString(8)}.*chmod 700`));
  }
  chmodSync(dataDir, 0o700);
  assert.deepEqual((await openOnce(dataDir)).warnings, []);
});
