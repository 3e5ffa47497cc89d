// The house rules that a test can hold: which room may import which, how large a file may be, what nothing is called.
// The length of a function and the number of its parameters are held by oxlint.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { ruleTypes } from './measure/measures.ts';
import { operators } from './rule/comparison.ts';

/** A room's permitted imports: other rooms (or single files of theirs), node's modules or none, packages. */
interface Permitted {
  readonly rooms: readonly string[];
  readonly node: boolean;
  readonly packages: readonly string[];
}

const pure = ['base/failure.ts', 'base/assert.ts', 'base/record-problems.ts'];
const nouns = ['audit', 'metric', 'measure', 'rule', 'alarm', 'notice', 'instance', 'receiver', 'wire'];
/** Where receivers do I/O, or need what a pure room has not. */
const receiverClients = [
  'receiver/http-client.ts',
  'receiver/receivers.ts',
  ...globSync('src/receiver/*/{client,webhook-name,*-receiver}.ts').map((path) => path.split(sep).slice(1).join('/')),
];
const doors = [...nouns, 'base', 'http', 'log/log.ts', 'log/record.ts', 'log/batch.ts', 'log/murmur2.ts', 'topics.ts'];

const preact = ['preact', '@preact/signals'];
const pageFolders = ['words', 'state', 'parts', 'charts', 'editor', 'rules', 'screens', 'root'] as const;

/** The folders of the page that this one may import: those before it. */
function pageBelow(folder: (typeof pageFolders)[number]): string[] {
  return pageFolders.slice(0, pageFolders.indexOf(folder)).map((each) => `console/page/${each}`);
}

const rooms: Record<string, Permitted> = {
  base: { rooms: [], node: true, packages: ['pino', 'prom-client'] },
  log: { rooms: ['base'], node: true, packages: ['@node-rs/crc32'] },
  'log/sqlite': { rooms: ['base', 'log'], node: true, packages: [] },
  'log/kafka': { rooms: ['base', 'log'], node: true, packages: ['@platformatic/kafka'] },
  http: {
    rooms: ['base', 'wire'],
    node: true,
    packages: ['fastify', '@fastify/', 'helmet', 'typebox', 'jose', 'oauth4webapi'],
  },
  metric: { rooms: pure, node: false, packages: [] },
  measure: { rooms: pure, node: false, packages: [] },
  rule: { rooms: [...pure, 'metric', 'measure', 'receiver/discord/address.ts'], node: false, packages: [] },
  alarm: {
    rooms: [...pure, 'base/name-uuid.ts', 'metric', 'measure', 'rule'],
    node: false,
    packages: [],
  },
  audit: { rooms: [...pure, 'alarm'], node: false, packages: [] },
  notice: { rooms: [...pure, 'metric', 'rule', 'alarm'], node: false, packages: [] },
  receiver: { rooms: [...pure, 'metric', 'measure', 'rule', 'alarm'], node: false, packages: [] },
  ...Object.fromEntries(
    receiverClients.map((file) => [
      file,
      { rooms: [...pure, 'receiver', ...receiverClients], node: true, packages: ['undici'] },
    ]),
  ),
  instance: { rooms: [...pure, 'alarm'], node: false, packages: [] },
  // Limits of a body are those of the door that it comes in by.
  wire: {
    rooms: [...pure, 'audit', 'metric', 'rule', 'alarm', 'notice', 'http/limits.ts', 'receiver/receiver-kinds.ts'],
    node: false,
    packages: ['typebox'],
  },
  // Rules of Prometheus, read and translated. YAML and PromQL are parsed here alone.
  prometheus: {
    rooms: [...pure, 'measure', 'rule'],
    node: false,
    packages: ['@prometheus-io/lezer-promql', '@lezer/common', 'yaml'],
  },
  presence: { rooms: doors, node: true, packages: [] },
  heartbeat: { rooms: doors, node: true, packages: [] },
  operators: { rooms: [...doors, ...receiverClients], node: true, packages: [] },
  ingest: { rooms: [...doors, 'log/packed-records.ts'], node: true, packages: ['typebox', 'pbf'] },
  rules: { rooms: [...doors, ...receiverClients], node: true, packages: ['typebox'] },
  evaluate: { rooms: doors, node: true, packages: [] },
  // The evaluator's own code, in part: a backtest must be what live evaluation is.
  backtest: {
    rooms: [
      ...doors,
      'evaluate/effects.ts',
      'evaluate/groups.ts',
      'evaluate/head-clock.ts',
      'evaluate/partition-evaluator.ts',
      'evaluate/series-budget.ts',
      'evaluate/series-index.ts',
    ],
    node: true,
    packages: ['typebox'],
  },
  notify: { rooms: [...doors, ...receiverClients, 'notify/schedule'], node: true, packages: [] },
  'notify/schedule': { rooms: pure, node: false, packages: [] },
  // What the console follows in memory <- what is asked of it <- its routes.
  'console/live': { rooms: doors, node: true, packages: [] },
  // Which target a rule's webhook is goes by its name, a hash.
  'console/query': {
    rooms: [...doors, 'console/live', 'receiver/discord/webhook-name.ts'],
    node: true,
    packages: [],
  },
  'console/routes': {
    rooms: [...doors, 'backtest', 'console/live', 'console/query'],
    node: true,
    packages: ['typebox', '@fastify/static'],
  },
  console: {
    rooms: [...doors, 'backtest', 'console/live', 'console/query', 'console/routes'],
    node: true,
    packages: [],
  },
  // The page: how things are said <- what it knows <- small parts <- charts <- the editor <- a rule's and other screens.
  'console/page/words': { rooms: nouns, node: false, packages: ['@preact/signals'] },
  'console/page/state': {
    rooms: [...nouns, ...pageBelow('state')],
    node: false,
    packages: preact,
  },
  'console/page/parts': { rooms: [...nouns, ...pageBelow('parts')], node: false, packages: preact },
  'console/page/charts': { rooms: [...nouns, ...pageBelow('charts')], node: false, packages: [...preact, 'uplot'] },
  'console/page/editor': { rooms: [...nouns, ...pageBelow('editor')], node: false, packages: preact },
  'console/page/rules': { rooms: [...nouns, ...pageBelow('rules')], node: false, packages: preact },
  'console/page/screens': { rooms: [...nouns, ...pageBelow('screens')], node: false, packages: preact },
  // What stands around every screen.
  'console/page/frame': { rooms: [...nouns, ...pageBelow('charts')], node: false, packages: preact },
  'console/page': {
    rooms: [...nouns, ...pageBelow('root'), 'console/page/frame'],
    node: false,
    packages: preact,
  },
  'console/page/vite.config.ts': { rooms: [], node: true, packages: ['vite'] },
  sources: { rooms: doors, node: true, packages: [] },
  cli: {
    rooms: [
      ...['app.ts', 'config.ts', 'settings.ts', 'setting-values.ts', 'topics.ts', 'topic-uses.ts'],
      ...['base', 'http', 'sources', 'log/log.ts', 'measure', 'rule', 'wire', 'prometheus'],
    ],
    node: true,
    packages: ['commander', 'yaml'],
  },
  'main.ts': { rooms: ['cli'], node: true, packages: [] },
  'settings.ts': { rooms: ['base'], node: false, packages: [] },
  'setting-values.ts': { rooms: ['settings.ts', 'base'], node: true, packages: [] },
  'token-settings.ts': { rooms: ['settings.ts', 'setting-values.ts', 'http/limits.ts'], node: false, packages: [] },
  'config.test.ts': { rooms: ['config.ts'], node: true, packages: [] },
  'config.ts': {
    rooms: ['settings.ts', 'setting-values.ts', 'token-settings.ts', 'base', 'rule', 'receiver/networks.ts'],
    node: true,
    packages: [],
  },
  'topics.ts': { rooms: ['log/log.ts'], node: false, packages: [] },
  'topic-uses.ts': { rooms: ['log/log.ts', 'topics.ts'], node: false, packages: [] },
  'app.ts': {
    rooms: [
      'base',
      'log',
      'log/sqlite',
      'log/kafka',
      'http',
      'ingest',
      'rules',
      'evaluate',
      'notify',
      'presence',
      'operators',
      'heartbeat',
      'instance',
      'console',
      'rule',
      'alarm',
      'config.ts',
      'topics.ts',
      'topic-uses.ts',
    ],
    node: true,
    packages: [],
  },
};

/** Tests of the tree itself, which belong to no room. */
const houseRules = ['src/tidy.test.ts', 'src/citations.test.ts'];

const bannedNames = /(^|[/-])(utils?|helpers?|services|types|common|misc|shared)(\.|-|\/|$)|(^|\/)index\.tsx?$/;
const fileLinesMax = 400;
// Tests state many facts; they may be longer than what they test.
const testLinesMax = 800;

const sources = globSync('src/**/*.{ts,tsx}').map((path) => path.split(sep).join('/'));
const isTest = (path: string): boolean => /\.(test|contract)\.tsx?$/.test(path) || path.includes('/testing/');

/** The most exact entry of the table that holds this file: `log/kafka` before `log`, and files at the root by name. */
function roomOf(path: string): string | undefined {
  const inside = path.replace(/^src\//, '');
  const matches = Object.keys(rooms).filter((room) => inside === room || inside.startsWith(`${room}/`));
  return matches.sort((a, b) => b.length - a.length)[0];
}

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8').replace(/^\s*(\/\/|\*).*$/gm, '');
  const statement =
    /^(?:import|export)\s(?:[\w*{}\s,$]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;
  return [...text.matchAll(statement)].map((match) => match[1] ?? match[2] ?? '');
}

function refusal(path: string, room: string, specifier: string): string | undefined {
  const permitted = rooms[room]!;
  if (specifier.startsWith('node:')) return permitted.node ? undefined : 'a pure room imports no node: module';
  if (!specifier.startsWith('.')) {
    return permitted.packages.some(
      (name) => specifier === name || specifier.startsWith(name.endsWith('/') ? name : `${name}/`),
    )
      ? undefined
      : `the room may not import the package ${specifier}`;
  }
  if (specifier.endsWith('.css')) return undefined;
  if (!/\.tsx?$/.test(specifier)) return 'relative imports end in .ts';
  const target = fileOf(path, specifier)!;
  const targetRoom = roomOf(target);
  const inside = target.replace(/^src\//, '');
  const allowed = [room, ...permitted.rooms];
  if (targetRoom !== undefined && allowed.includes(targetRoom)) return undefined;
  return allowed.includes(inside) ? undefined : `the room may not import ${inside}`;
}

/** The file that a relative import names. */
function fileOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.')
    ? normalize(join(dirname(path), specifier))
        .split(sep)
        .join('/')
    : undefined;
}

/** Circles of a graph: a way back to a file that is still being walked through. Each is shown once, from file to file. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file].join(' -> '));
    if (at >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...way, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  return found;
}

test('every source file belongs to a room', () => {
  const unassigned = sources.filter((path) => roomOf(path) === undefined && !houseRules.includes(path));
  assert.deepEqual(unassigned, []);
});

test('data flows one way: each room imports only what its row permits', () => {
  const broken = sources
    .filter((path) => !isTest(path) && roomOf(path) !== undefined)
    .flatMap((path) =>
      importsOf(path)
        .map((specifier) => ({ path, specifier, why: refusal(path, roomOf(path)!, specifier) }))
        .filter((finding) => finding.why !== undefined),
    );
  assert.deepEqual(broken, []);
});

test('no file imports itself in a circle, types included', () => {
  const files = new Map(
    sources.map((path) => [path, importsOf(path).flatMap((specifier) => fileOf(path, specifier) ?? [])]),
  );
  assert.deepEqual(circles(files), []);
});

test('the page and the command line take only types of the wire, so that no schema enters the bundle', () => {
  const broken = sources
    .filter((path) => ['console/page', 'cli'].some((room) => path.startsWith(`src/${room}/`)))
    .filter((path) => /^import (?!type )[^;]*\/wire\//m.test(readFileSync(path, 'utf8')));
  assert.deepEqual(broken, []);
});

/** Rooms that take time and chance as arguments. */
const timeless = [...nouns, 'notify/schedule'];

test('noun rooms read no clock and throw no dice', () => {
  const broken = sources
    .filter((path) => !isTest(path) && timeless.includes(roomOf(path) ?? ''))
    .filter((path) =>
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|process\.)/.test(readFileSync(path, 'utf8')),
    );
  assert.deepEqual(broken, []);
});

/** Rooms that are given a `Clock`, so that a test can move time. The page in the browser has its own. */
const clocked = [
  'rules',
  'evaluate',
  'backtest',
  'notify',
  'console',
  'console/live',
  'console/query',
  'console/routes',
];

test('rooms with an injected clock read no other', () => {
  const broken = sources
    .filter((path) => !isTest(path) && clocked.includes(roomOf(path) ?? ''))
    .filter((path) =>
      /\b(Date\.now|new Date\(\)|performance\.now|setInterval|setTimeout)\b/.test(
        readFileSync(path, 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, ''),
      ),
    );
  assert.deepEqual(broken, []);
});

test('no test replaces a global', () => {
  const broken = [...sources, ...globSync('{test,bench}/**/*.ts')]
    .map((path) => path.split(sep).join('/'))
    .filter((path) =>
      /^\s*(?:Date\.now|performance\.now|Math\.random|process\.env|globalThis\.\w+) = |\bmock\.timers\b/m.test(
        readFileSync(path, 'utf8').replaceAll(/`[^`]*`/g, '``'),
      ),
    );
  assert.deepEqual(broken, []);
});

/** Branches on one operator or rule type would be wrong for the next one: `comparisons` and `measures` say what each means. */
const members = [...operators, ...ruleTypes].map((member) => `['"]${member}['"]`).join('|');
const oneMember = new RegExp(`([=!]==? ?|\\bcase )(${members})|(${members}) ?[=!]==`);

test("the parsers of Prometheus' rules are loaded by their command alone, when it runs", () => {
  const loading = sources.filter((path) => {
    if (isTest(path) || path.startsWith('src/prometheus/')) return false;
    return /^import (?!type).* from '(?:yaml|@lezer\/.*|.*\/prometheus\/.*)'/m.test(readFileSync(path, 'utf8'));
  });
  assert.deepEqual(loading, []);
});

test('no branch on a single operator or rule type', () => {
  const broken = sources
    .filter((path) => !isTest(path) && path !== 'src/tidy.test.ts')
    .flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => oneMember.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
  assert.deepEqual(broken, []);
});

test('no file is longer than its limit', () => {
  const long = sources
    .map((path) => ({ path, lines: readFileSync(path, 'utf8').split('\n').length - 1 }))
    .filter(({ path, lines }) => lines > (isTest(path) ? testLinesMax : fileLinesMax));
  assert.deepEqual(long, []);
});

test('names are words of the field, in kebab-case', () => {
  const odd = sources
    .map((path) => path.replace(/^src\//, ''))
    .filter((path) => bannedNames.test(path) || /[A-Z_]/.test(path));
  assert.deepEqual(odd, []);
});

test('no barrel, no enum, no namespace', () => {
  const broken = sources.filter((path) =>
    /^\s*(export \* from|export (const )?enum |export namespace )/m.test(readFileSync(path, 'utf8')),
  );
  assert.deepEqual(broken, []);
});

const pageRoot = 'src/console/page';

/** Classes of global style sheets that no two components write down: marks of the whole page, and a part of a sentence. */
const pageMarks = ['only-reads', 'part-tag', 'stale'];

/** What stands in the `class` attributes of a component. */
function classesIn(component: string): Set<string> {
  const attributes = component.matchAll(/\bclass=(?:"([^"]*)"|\{((?:[^{}]|\{[^{}]*\})*)\})/g);
  const texts = [...attributes].flatMap(([, text, code = '']) => [
    text ?? '',
    ...[...code.matchAll(/'([^']*)'|`([^`]*)`/g)].map((match) => match[1] ?? match[2] ?? ''),
  ]);
  return new Set(texts.flatMap((text) => text.match(/[a-z][\w-]*/g) ?? []));
}

test('a class in a global style sheet is used by two components at least, or marks the whole page', () => {
  const used = globSync(`${pageRoot}/**/*.tsx`).map((path) => classesIn(readFileSync(path, 'utf8')));
  const lone = globSync(`${pageRoot}/styles/*.css`).flatMap((path) => {
    const selectors = readFileSync(path, 'utf8').replaceAll(/\/\*[^]*?\*\/|@import[^;]*;|[\w-]+\s*:[^;{}]*;/g, '');
    return [...new Set([...selectors.matchAll(/\.([a-z][\w-]*)/g)].map(([, name]) => name!))]
      .filter((name) => !pageMarks.includes(name) && used.filter((classes) => classes.has(name)).length < 2)
      .map((name) => `${path}: .${name} belongs into the module beside its component`);
  });
  assert.deepEqual(lone, []);
});

test('components find elements by data-part, not by a class, whose name a build may change', () => {
  const byClass = /\b(?:querySelector(?:All)?|closest|matches)(?:<\w+>)?\(\s*[`'"][^`'"]*(?<![\w)])\.[a-z]/;
  const broken = globSync(`${pageRoot}/**/*.{ts,tsx}`).filter((path) => byClass.test(readFileSync(path, 'utf8')));
  assert.deepEqual(broken, []);
});
