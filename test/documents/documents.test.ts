// Every block and command of the documents, taken from the text and used as it stands: typed into a shell, posted to the API, or
// read by what reads it, against the system that `npm start` runs. What cannot be run here stands in `elsewhere`, with what
// runs it. A block that is new and fits none of this fails by its file and line.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Value } from 'typebox/value';
import { parse as parseYaml } from 'yaml';
import { commandLine } from '../../src/cli/cli.ts';
import { flagOf, settings } from '../../src/settings.ts';
import { TestSendView } from '../../src/wire/webhooks.ts';
import { postJson } from '../e2e/scenario.ts';
import { waitUntil } from '../support/wait-until.ts';
import { allBlocks, allInlineCommands, type Block } from './blocks.ts';
import { helps, problemOf, quickCommands } from './command-words.ts';
import { startWorkplace, type Workplace } from './workplace.ts';

/** Blocks that another test runs, by their names, and those that cannot be run, by their first lines. */
const elsewhere: Readonly<Record<string, { readonly by: string; readonly why: string }>> = {
  curl: { by: 'test/clients/clients.test.ts', why: 'wants a system with tokens' },
  'prometheus.yml': { by: 'test/clients/clients.test.ts', why: 'wants Prometheus' },
  prometheus: { by: 'test/clients/clients.test.ts', why: 'wants Prometheus' },
  'scrape.yml': { by: 'test/clients/clients.test.ts', why: 'wants Prometheus' },
  vmagent: { by: 'test/clients/clients.test.ts', why: 'wants vmagent' },
  'otel.mjs': { by: 'test/clients/clients.test.ts', why: 'wants a system with tokens' },
  'otel.env': { by: 'test/clients/clients.test.ts', why: 'is the environment of clients in Python and Java' },
  'Shop.java': { by: 'test/clients/clients.test.ts', why: 'wants Java' },
  'influx.mjs': { by: 'test/clients/clients.test.ts', why: 'wants a system with tokens' },
  nginx: { by: 'test/clients/reverse-proxy.test.ts', why: 'wants nginx' },
  'nginx-path': { by: 'test/clients/reverse-proxy.test.ts', why: 'wants nginx' },
  caddy: { by: 'test/clients/reverse-proxy.test.ts', why: 'wants Caddy' },
  'caddy-path': { by: 'test/clients/reverse-proxy.test.ts', why: 'wants Caddy' },
  'kafka.py': { by: 'test/clients/python.kafka.test.ts', why: 'wants Kafka and Python' },
  '[agent]': { by: 'src/ingest/influx.test.ts', why: 'no package has Telegraf; the test sends requests like its own' },
  "import { createHmac, timingSafeEqual } from 'node:crypto';": {
    by: 'src/receiver/webhook/webhook-receiver.test.ts',
    why: 'verifies what a webhook receiver gets',
  },
};

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const keyOf = ({ name, text }: Block): string => name ?? text.split('\n')[0]!;
const placeOf = ({ file, line }: { readonly file: string; readonly line: number }): string => `${file}:${line}`;

const blocks = allBlocks();
let place: Workplace;
/** Examples of help on a broker that is not there: each takes ten seconds to say so, in which others run. */
const onKafka = new Map<string, Promise<Error | undefined>>();
before(async () => {
  place = await startWorkplace();
  for (const example of helps().flatMap(({ examples }) => examples.filter((each) => each.startsWith('BROKER='))))
    onKafka.set(
      example,
      place.typeAsPrinted(example).then(
        () => undefined,
        (error: Error) => error,
      ),
    );
});
after(async () => {
  await Promise.all(onKafka.values());
  await place.close();
});

/** How a block of each language is used. Rejects when it does not do what it is there for. */
const uses: Readonly<Record<string, (block: Block) => Promise<void>>> = {
  sh: ({ text }) => place.typeAsPrinted(text),
  json: useJson,
  yaml: async ({ text }) => assert.ok(parseYaml(text)),
};

/** What a JSON object of the documents is, by its fields. */
async function useJson({ text }: Block): Promise<void> {
  const json = JSON.parse(text) as Record<string, unknown>;
  if ('metric_name' in json) {
    const { status, body } = await postJson(`${place.url}/rules`, json);
    assert.equal(status, 201, JSON.stringify(body));
  } else if ('address' in json) {
    const { status, body } = await postJson(`${place.url}/api/v1/receivers/of-a-document`, json, 'PUT');
    assert.ok(status < 300, JSON.stringify(body));
  } else if ('delivered' in json) {
    assert.ok(Value.Check(TestSendView, json));
  } else if (json['type'] === 'notifications') {
    // The names of its fields are compared with those of a real body in webhook-receiver.test.ts.
    assert.equal(json['version'], 1);
  } else assert.fail('nothing in this test reads JSON of this kind');
}

describe('blocks', () => {
  for (const block of blocks) {
    const other = elsewhere[keyOf(block)];
    // A drawing.
    if (block.language === 'text') continue;
    test(`${placeOf(block)} ${keyOf(block)}`, async () => {
      if (block.language === 'sh') assert.deepEqual(problemsOf(block.text), []);
      if (other !== undefined) {
        assert.ok(existsSync(other.by), `${other.by} does not exist`);
        if (block.name !== undefined)
          assert.ok(
            readFileSync(other.by, 'utf8').includes(`'${block.name}'`),
            `${other.by} does not run ${block.name}`,
          );
        if (block.language === 'yaml') await uses['yaml']!(block);
        return;
      }
      const use = uses[block.language];
      assert.ok(
        use,
        `no test runs it: its language is "${block.language}"; say which test does, in ${import.meta.url}`,
      );
      await use(block);
    });
  }

  test('no other test is named for a block that is no longer there', () => {
    const keys = new Set(blocks.map(keyOf));
    assert.deepEqual(
      Object.keys(elsewhere).filter((key) => !keys.has(key)),
      [],
    );
  });
});

/** What keeps lines from being pasted into any shell: zsh has no comments when they are typed, and refuses a pattern without a file. */
function problemsOf(text: string): string[] {
  const bare = text.replaceAll(/'[^']*'|"[^"]*"/g, '""');
  return [
    ...(/(^|\s)#/m.test(bare) ? ['a comment, which zsh takes for a command'] : []),
    ...(/[*?[\]]/.test(bare) ? ['a pattern that is not quoted'] : []),
    ...(/\bnpx (?!--no-install )/.test(text) ? ['npx without --no-install, which may fetch a stranger’s package'] : []),
  ];
}

describe('commands in the text', () => {
  for (const command of allInlineCommands()) {
    test(`${placeOf(command)} ${command.text}`, async () => {
      if (quickCommands.has(command.text)) {
        const { code, output } = await place.terminal.type(command.text, { folder: checkout });
        assert.equal(code, 0, output);
      } else assert.equal(problemOf(command.text), undefined);
    });
  }
});

describe('help', () => {
  for (const { name, examples } of helps()) {
    for (const example of examples)
      test(`ssrms ${name} --help: ${example}`, async () => {
        assert.deepEqual(problemsOf(example), []);
        if (onKafka.has(example)) assert.ifError(await onKafka.get(example));
        else await place.typeAsPrinted(example);
      });
  }
});

describe('what is printed at the start', () => {
  test('npm start: its page is there, and its commands do what they say', async () => {
    const { commands, addresses } = linesOf(place.startText);
    assert.equal(commands.length, 2, place.startText);
    assert.equal(addresses.length, 1, place.startText);
    for (const address of addresses) assert.equal((await fetch(address)).status, 200);
    for (const command of commands) await place.typeAsPrinted(command);
  });

  test('npm run demo: the same', async () => {
    const env = { PORT: '0', DISCORD_PORT: '0' };
    const demo = await place.terminal.start('npm run demo', /A sample .*\n\n/, { env, folder: checkout });
    const { commands, addresses } = linesOf(demo.output().replaceAll(/ *\\\n +/g, ' '));
    try {
      assert.equal(commands.length, 2, demo.output());
      assert.equal(addresses.length, 2, demo.output());
      for (const address of addresses) assert.equal((await fetch(address)).status, 200);
      for (const command of commands) await place.typeAsPrinted(command);
    } finally {
      await demo.interrupt();
    }
  });

  test('with tokens: another terminal needs nothing but a token', async () => {
    const SSRMS_JWT_SECRET = 'the secret of a system whose requests need tokens';
    const env = { PORT: '0', SSRMS_JWT_SECRET, DATA_DIR: join(place.terminal.folder, 'data-with-tokens') };
    const up = await place.terminal.start('ssrms up', /ssrms token.*\n/, { env });
    try {
      const { commands, tokenCommand = '' } = linesOf(up.output());
      assert.equal(commands.length, 2, up.output());
      const refused = await place.terminal.type(place.filledIn(commands[0]!));
      assert.match(refused.output, /unauthorized/);
      // Where the secret is set as it is there.
      const { output: token } = await place.terminal.type(`${tokenCommand}\necho "$SSRMS_TOKEN"`, { env });
      for (const command of commands) await place.typeAsPrinted(command, { SSRMS_TOKEN: token.trim() });
    } finally {
      await up.interrupt();
    }
  });
});

/** The labelled lines of a text at the start: addresses, commands, and the one that makes a token. */
function linesOf(text: string) {
  const labelled = [...text.matchAll(/^ {2}[A-Z][a-z]*(?: [a-z]+)? {2,}(\S+(?: \S+)*)/gm)].map(([, line = '']) => line);
  return {
    addresses: labelled.filter((line) => /^https?:/.test(line)).map((line) => line.split(' ')[0]!),
    commands: labelled.filter((line) => !/^https?:/.test(line)),
    tokenCommand: /^ {2}(export SSRMS_TOKEN=.*)$/m.exec(text)?.[1],
  };
}

describe('tables of the README', () => {
  const readme = readFileSync('README.md', 'utf8');
  const rows = (heading: string): string[][] => {
    const [, table = ''] = new RegExp(`^\\| ${heading} \\|.*\\n\\|.*\\n((?:\\|.*\\n)+)`, 'm').exec(readme) ?? [];
    return table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  };

  test('every setting is a flag of `ssrms up`, and help names the flag of each setting in the README', () => {
    const up = helps().find(({ name }) => name === 'up')!;
    for (const setting of Object.values(settings)) assert.equal(up.flags.get(setting.env), flagOf(setting));
    const known = helps().flatMap(({ flags }) => [...flags.keys()]);
    const named = rows('setting').flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name!),
    );
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((name) => !known.includes(name)),
      [],
    );
  });

  test('the ports are those of the commands', () => {
    const ports = new Map(
      rows('command').map(([, command = '', , port = '']) => [/ssrms (\w+)/.exec(command)?.[1], port]),
    );
    const services = commandLine(() => {}).commands.filter((command) => command.description().includes('default'));
    const defaults = services.map((command) => [
      command.name(),
      /default(?: port)? (\d+)/.exec(command.description())?.[1],
    ]);
    assert.equal(defaults.length, 5);
    for (const [name, port] of defaults) assert.equal(ports.get(name), port, name);
  });
});

test('the first steps of the README lead to a message at Discord', async () => {
  const isThere = (): boolean =>
    place.messages().some((text) => text.includes('packages-received is 550 which exceeds'));
  await waitUntil('the alarm of the README is at Discord', isThere);
});
