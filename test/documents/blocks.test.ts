// No block or command of the documents and of help is left to its reader to try: each is used by a test, can be pasted into any
// shell, and names what exists. A new one that nobody thought of fails here by its file and line.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { startConsoleSystem } from '../../src/console/testing/console-system.ts';
import { allBlocks, allInlineCommands, allInlineCodes, type InlineCode } from './blocks.ts';
import { everyCommand, helps, problemOf, quickCommands } from './command-words.ts';
import { elsewhere, keyOf, placeOf, problemsOf, useOf } from './uses.ts';

const blocks = allBlocks();

test('every block is used by a test', () => {
  const unused = blocks
    .filter((block) => useOf(block) === undefined)
    .map((block) => `${placeOf(block)} ${keyOf(block)}`);
  assert.deepEqual(unused, [], 'say in test/documents/uses.ts which test uses it');
  for (const block of blocks) {
    const { by } = useOf(block)!;
    if (by === undefined) continue;
    assert.ok(existsSync(by), `${placeOf(block)}: ${by} does not exist`);
    if (block.name !== undefined)
      assert.ok(readFileSync(by, 'utf8').includes(`'${block.name}'`), `${placeOf(block)}: ${by} does not use it`);
  }
  const keys = new Set(blocks.map(keyOf));
  assert.deepEqual(
    Object.keys(elsewhere).filter((key) => !keys.has(key)),
    [],
    'blocks that are no longer there',
  );
});

test('blocks and examples can be pasted into any shell, and YAML can be read', () => {
  const shell = [
    ...blocks.filter(({ language }) => language === 'sh').map((block) => ({ place: placeOf(block), text: block.text })),
    ...helps().flatMap(({ name, examples }) => examples.map((text) => ({ place: `ssrms ${name} --help`, text }))),
  ];
  const problems = shell.flatMap(({ place, text }) =>
    problemsOf(text).map((problem) => `${place}: ${problem}: ${text}`),
  );
  assert.deepEqual(problems, []);
  for (const { language, text } of blocks) if (language === 'yaml') assert.ok(parse(text));
});

test('commands in the text exist, with their options', () => {
  const problems = allInlineCommands()
    .filter(({ text }) => !quickCommands.has(text))
    .map((command) => ({ command, problem: problemOf(command.text) }))
    .filter(({ problem }) => problem !== undefined);
  assert.deepEqual(
    problems.map(({ command, problem }) => `${placeOf(command)} ${command.text}: ${problem}`),
    [],
  );
});

/** The places of the codes whose text matches, and does not name something that exists. */
function strange(codes: readonly InlineCode[], form: RegExp, exists: (match: RegExpExecArray) => boolean): string[] {
  return codes.flatMap((code) => {
    const match = form.exec(code.text);
    return match === null || exists(match) ? [] : [`${placeOf(code)} ${code.text}`];
  });
}

/** Flags of programs in scripts/ and bench/, which are no part of `ssrms`. */
const otherFlags = new Set(['--short', '--pairs', '--long', '--only', '--soak']);

test('flags and settings in the text exist', () => {
  const flags = new Set(
    [...everyCommand()].flatMap(({ command }) => command.options.flatMap(({ long, short }) => [long, short])),
  );
  const isFlag = ([, flag]: RegExpExecArray): boolean => flags.has(flag) || otherFlags.has(flag!) || flag === '--help';
  assert.deepEqual(strange(allInlineCodes(), /^(--[a-z-]+)/, isFlag), []);
  const settings = new Set(helps().flatMap(({ flags: named }) => [...named.keys()]));
  assert.deepEqual(
    strange(allInlineCodes(), /^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=|$)/, ([, name]) => settings.has(name!)),
    [],
  );
});

test('metrics in the text exist', () => {
  const source = globSync('src/**/*.ts')
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  assert.deepEqual(
    strange(allInlineCodes(), /^ssrms_(\w+)$/, ([, name]) => source.includes(`'${name}'`)),
    [],
  );
});

test('routes in the text exist, with their parameters', async () => {
  const system = await startConsoleSystem();
  const { paths } = (await (await fetch(`${system.url}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
  };
  await system.stop();
  const isRoute = ([, method = '', path = '', query = '']: RegExpExecArray): boolean => {
    const operation = paths[path]?.[method.toLowerCase()];
    const parameters = operation?.parameters?.filter((each) => each.in === 'query').map(({ name }) => name) ?? [];
    return operation !== undefined && [...new URLSearchParams(query).keys()].every((name) => parameters.includes(name));
  };
  assert.deepEqual(strange(allInlineCodes(), /^(GET|POST|PUT|DELETE) (\/[^?\s]*)(?:\?(\S*))?$/, isRoute), []);
});
