// How each block of the documents is used by a test, and what would keep a reader from using it.
import type { Block } from './blocks.ts';

/** How a block is used. */
export interface Use {
  /** The other test that uses it; undefined: documents.test.ts does. */
  readonly by?: string;
  /** Why not there. */
  readonly why?: string;
}

/** Blocks that documents.test.ts cannot use, by their names or first lines. */
export const elsewhere: Readonly<Record<string, Use>> = {
  curl: { by: 'test/clients/clients.test.ts', why: 'wants a system with tokens' },
  'prometheus.yml': { by: 'test/clients/clients.test.ts', why: 'wants Prometheus' },
  prometheus: { by: 'test/clients/clients.test.ts', why: 'wants Prometheus' },
  'scrape.yml': { by: 'test/clients/clients.test.ts', why: 'wants Prometheus' },
  vmagent: { by: 'test/clients/clients.test.ts', why: 'wants vmagent' },
  'otel.mjs': { by: 'test/clients/clients.test.ts', why: 'wants a system with tokens' },
  'otel.env': { by: 'test/clients/clients.test.ts', why: 'is the environment of clients in Python and Java' },
  'Shop.java': { by: 'test/clients/clients.test.ts', why: 'wants Java' },
  'influx.mjs': { by: 'test/clients/clients.test.ts', why: 'wants a system with tokens' },
  ...Object.fromEntries(
    ['kafka-env', 'kafka-user', 'kafka-acls', 'kafka-in-sync'].map((name) => [
      name,
      { by: 'test/fault/secured.fault.kafka.test.ts', why: 'wants a secured cluster' },
    ]),
  ),
  'kafka-mtls': { by: 'src/log/kafka/security.kafka.test.ts', why: 'wants a broker that asks for certificates' },
  'kafka.py': { by: 'test/clients/python.kafka.test.ts', why: 'wants Kafka and Python' },
  ...Object.fromEntries(
    ['nginx', 'nginx-path', 'caddy', 'caddy-path'].map((name) => [
      name,
      { by: 'test/clients/reverse-proxy.test.ts', why: 'wants a proxy' },
    ]),
  ),
  '[agent]': { by: 'src/ingest/influx.test.ts', why: 'no package has Telegraf; the test sends requests like its own' },
  "import { createHmac, timingSafeEqual } from 'node:crypto';": {
    by: 'src/receiver/webhook/webhook-receiver.test.ts',
    why: 'verifies what a webhook receiver gets',
  },
  'sources ──> ingest ──> [metrics] ──> evaluate ──> [notifications] ──> notify ──> Discord, webhook': {
    by: 'src/citations.test.ts',
    why: 'a drawing',
  },
};

/** What documents.test.ts types or posts. */
export type UsedLanguage = 'sh' | 'json';
const languages: ReadonlySet<string> = new Set<UsedLanguage>(['sh', 'json']);

/** Undefined for a block that nothing uses: a new one, or one whose language is not said. */
export function useOf(block: Block): Use | undefined {
  return elsewhere[keyOf(block)] ?? (languages.has(block.language) ? {} : undefined);
}

export const keyOf = ({ name, text }: Block): string => name ?? text.split('\n')[0]!;

export const placeOf = ({ file, line }: { readonly file: string; readonly line: number }): string => `${file}:${line}`;

/** What keeps lines from being pasted into any shell: zsh has no comments when they are typed, and refuses a pattern without a file. */
export function problemsOf(text: string): string[] {
  const bare = text.replaceAll(/'[^']*'|"[^"]*"/g, '""');
  return [
    ...(/(^|\s)#/m.test(bare) ? ['a comment, which zsh takes for a command'] : []),
    ...(/[*?[\]]/.test(bare) ? ['a pattern that is not quoted'] : []),
    ...(/\bnpx (?!--no-install )/.test(text) ? ['npx without --no-install, which may fetch a stranger’s package'] : []),
  ];
}
