import type { TopicUse } from './log/log.ts';
import { topics } from './topics.ts';

/** The services; `alarms` is evaluate and notify, two loops in one process. */
export type Part = 'rules' | 'ingest' | 'alarms' | 'console';

type TopicName = keyof typeof topics;

const all = Object.keys(topics) as TopicName[];
/** By requests that change something. */
const changed: readonly TopicName[] = ['rules', 'receivers', 'notifications'];

/** What each service does with the topics: what its user needs the rights for (docs/KAFKA.md). */
const uses: Record<Part, { readonly reads: readonly TopicName[]; readonly writes: readonly TopicName[] }> = {
  // It answers all commands, which read everything; so does the console.
  rules: { reads: all, writes: [...changed, 'audit', 'instances'] },
  console: { reads: all, writes: [...changed, 'audit', 'instances'] },
  ingest: { reads: ['rules', 'receivers'], writes: ['metrics', 'instances'] },
  alarms: {
    reads: all.filter((name) => name !== 'audit'),
    writes: ['alarms', 'notifications', 'deliveries', 'instances'],
  },
};

/** What a process of these services does with the topics; `isReadOnly`: it refuses every change over HTTP. */
export function usesOf(parts: readonly Part[], { isReadOnly }: { readonly isReadOnly: boolean }): TopicUse[] {
  const refused = isReadOnly ? changed : [];
  return all.map((name) => ({
    topic: topics[name].name,
    reads: parts.some((part) => uses[part].reads.includes(name)),
    writes: !refused.includes(name) && parts.some((part) => uses[part].writes.includes(name)),
  }));
}
