import type { Command } from 'commander';
import { createLogger } from '../base/logger.ts';
import { readConfig } from '../config.ts';
import { topicSettings, topics } from '../topics.ts';
import { addSettings, flagsOf, logSettings } from './settings-options.ts';
import { printTable } from './table.ts';

/** Adds `ssrms topics`. */
export function addTopicsCommand(program: Command): void {
  const command = addSettings(
    program.command('topics').description('create the topics that are missing, and list them'),
    logSettings,
  );
  command.action(async () => {
    const config = readConfig(process.env, flagsOf(command, logSettings), 0);
    const { openLog } = await import('../app.ts');
    const log = await openLog(config, createLogger(config.logLevel, 'topics'));
    try {
      await log.ensureTopics(Object.values(topicSettings(config.timestampFutureMs)));
      const rows = await Promise.all(
        Object.values(topics).map(async ({ name, cleanup }) => {
          const partitions = await log.partitionCount(name);
          const bounds = await Promise.all(
            Array.from({ length: partitions }, (_, partition) => log.bounds(name, partition)),
          );
          const offsets = bounds.reduce((sum, { first, next }) => sum + next - first, 0);
          return [name, String(partitions), cleanup, String(offsets)];
        }),
      );
      printTable([['TOPIC', 'PARTITIONS', 'CLEANUP', 'OFFSETS HELD'], ...rows]);
    } finally {
      await log.close();
    }
  });
}
