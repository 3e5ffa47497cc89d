// Blocks and commands of the documents, of help and of what is printed at the start, taken from their texts and used as they
// stand: typed into a shell or posted to the API, against the system that `npm start` runs. blocks.test.ts sees to it that
// each is used here or by another test.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Value } from 'typebox/value';
import { commandLine } from '../../src/cli/cli.ts';
import { flagOf, settings } from '../../src/settings.ts';
import { TestSendView } from '../../src/wire/webhooks.ts';
import { needs } from '../clients/programs.ts';
import { postJson } from '../e2e/scenario.ts';
import { waitUntil } from '../support/wait-until.ts';
import { allBlocks, allInlineCommands, type Block } from './blocks.ts';
import { helps, quickCommands } from './command-words.ts';
import { keyOf, placeOf, useOf, type UsedLanguage } from './uses.ts';
import { startWorkplace, type Workplace } from './workplace.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

let place: Workplace;
before(async () => {
  place = await startWorkplace();
});
after(() => place.close());

/** What is done with a block of each language. Rejects when it does not do what it is there for. */
const uses: Readonly<Record<UsedLanguage, (block: Block) => Promise<void>>> = {
  sh: ({ text }) => place.typeAsPrinted(text),
  json: useJson,
};

/** Options of a test that types this: skipped, by name, where a program in it is missing. */
function programsOf(text: string): { skip?: string } {
  const named = ['curl', 'openssl'].filter((program) => new RegExp(`\\b${program} `).test(text));
  return Object.assign({}, ...named.map((program) => needs(program))) as { skip?: string };
}

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
  for (const block of allBlocks().filter((each) => useOf(each)?.by === undefined)) {
    const use = uses[block.language as UsedLanguage];
    test(`${placeOf(block)} ${keyOf(block)}`, programsOf(block.text), () => use(block));
  }
});

describe('commands in the text', () => {
  for (const command of allInlineCommands().filter(({ text }) => quickCommands.has(text)))
    test(`${placeOf(command)} ${command.text}`, programsOf(command.text), async () => {
      const { code, output } = await place.terminal.type(command.text, { folder: checkout });
      assert.equal(code, 0, output);
    });
});

describe('help', () => {
  for (const { name, examples } of helps()) {
    // Those with a broker are typed in kafka.kafka.test.ts.
    for (const example of examples.filter((each) => !each.startsWith('BROKER=')))
      test(`ssrms ${name} --help: ${example}`, programsOf(example), async () => {
        await place.typeAsPrinted(example);
      });
  }
});

describe('what is printed at the start', () => {
  const curl = needs('curl');

  test('npm start: its page is there, and its commands do what they say', curl, async () => {
    const { commands, addresses } = linesOf(place.startText);
    assert.equal(commands.length, 2, place.startText);
    assert.equal(addresses.length, 1, place.startText);
    for (const address of addresses) assert.equal((await fetch(address)).status, 200);
    for (const command of commands) await place.typeAsPrinted(command);
  });

  test('npm run demo: the same', curl, async () => {
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

  test('with tokens: another terminal needs nothing but a token', curl, async () => {
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

test('the first steps of the README lead to a message at Discord', needs('curl'), async () => {
  const isThere = (): boolean =>
    place.messages().some((text) => text.includes('packages-received is 550 which exceeds'));
  await waitUntil('the alarm of the README is at Discord', isThere);
});
