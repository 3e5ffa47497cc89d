// compose.yaml and the Dockerfile, as far as they can be tried without a container engine: the first against the Compose
// specification's schema, the second by carrying out its steps in a clean folder. `npm run containers` runs both for real.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import addFormatsModule from 'ajv-formats';
import { parse } from 'yaml';
import { readConfig } from '../../src/config.ts';
import { runSsrms } from '../support/ssrms-process.ts';

const addFormats = addFormatsModule.default;

interface Compose {
  readonly include?: readonly string[];
  readonly services: Record<
    string,
    {
      ports?: string[];
      image?: string;
      command?: string[];
      deploy?: { replicas?: number };
      environment?: Record<string, string>;
      sysctls?: Record<string, number>;
      depends_on?: unknown;
    }
  >;
}

function composeFile(name: string): Compose {
  return parse(readFileSync(name, 'utf8'), { merge: true }) as Compose;
}

for (const name of ['compose.yaml', 'compose.kafka.yaml']) {
  test(`${name} is valid by the Compose specification`, () => {
    const schema = JSON.parse(readFileSync('node_modules/dclint/schemas/compose.schema.json', 'utf8')) as {
      $schema?: string;
    };
    delete schema.$schema;
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(ajv);
    ajv.addFormat('duration', /^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/);
    const validate = ajv.compile(schema);
    assert.ok(validate(composeFile(name)), JSON.stringify(validate.errors, undefined, 1));
  });
}

test('compose.yaml has the services of the contract, on the Kafka of compose.kafka.yaml', () => {
  const { include, services } = composeFile('compose.yaml');
  assert.deepEqual(include, ['compose.kafka.yaml']);
  assert.deepEqual(Object.keys(composeFile('compose.kafka.yaml').services), ['kafka-1']);
  assert.deepEqual(Object.keys(services).sort(), ['alarms', 'console', 'ingest', 'rules']);
  assert.equal(services.alarms?.deploy?.replicas, 3);
  for (const service of Object.values(services)) assert.equal(service.environment?.BROKER, 'kafka-1:9092');
});

const publishedPorts: Readonly<Record<string, string | undefined>> = {
  rules: '5001:80',
  alarms: undefined,
  ingest: '5002:80',
  console: '5004:80',
};

test('ports are published on this machine only, unless PUBLISH says otherwise', () => {
  for (const [name, { ports = [] }] of Object.entries(composeFile('compose.yaml').services)) {
    const expected = publishedPorts[name] === undefined ? [] : [publishedPorts[name]];
    assert.deepEqual(
      interpolated(ports, {}),
      expected.map((port) => `127.0.0.1:${port}`),
    );
    assert.deepEqual(
      interpolated(ports, { PUBLISH: '0.0.0.0' }),
      expected.map((port) => `0.0.0.0:${port}`),
    );
  }
});

test('every service may listen on port 80 without being root: podman does not allow that by itself', () => {
  for (const { sysctls } of Object.values(composeFile('compose.yaml').services))
    assert.deepEqual(sysctls, { 'net.ipv4.ip_unprivileged_port_start': 0 });
});

/** Compose's `${NAME:-default}`, with the variables of a .env file. */
function interpolated(texts: readonly string[], variables: Readonly<Record<string, string>>): string[] {
  return texts.map((text) =>
    text.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, standard: string) => variables[name] || standard),
  );
}

/** The environment of each service's container: the image's, then that of compose.yaml with the variables of a .env file. */
function containers(dotEnv: Readonly<Record<string, string>>): { command: string[]; env: Record<string, string> }[] {
  const image: Record<string, string> = {};
  for (const [, line = ''] of readFileSync('Dockerfile', 'utf8').matchAll(/^ENV (.*)$/gm))
    for (const [, name = '', value = ''] of line.matchAll(/(\w+)=(\S+)/g)) image[name] = value;
  return Object.values(composeFile('compose.yaml').services).map(({ command = [], environment = {} }) => {
    const values = interpolated(Object.values(environment).map(String), dotEnv);
    const given = Object.fromEntries(Object.keys(environment).map((name, index) => [name, values[index]!]));
    return { command, env: { ...image, ...given } };
  });
}

test('without a .env file every service starts: it refuses nothing and asks for its broker', async () => {
  await Promise.all(
    containers({}).map(async ({ command, env }) => {
      // There is no broker of this name here, which only a service that accepted its settings can notice.
      const { output } = await runSsrms(command, env);
      assert.match(output, /^ssrms: Kafka at kafka-1:9092 does not answer/m);
    }),
  );
});

test('with PUBLISH=0.0.0.0 every service wants tokens or NO_AUTH, and says what to do', () => {
  const refusal = /PUBLISH is 0\.0\.0\.0.*SSRMS_JWT_SECRET or SSRMS_JWKS_URL.*NO_AUTH=true/;
  const start = (more: Record<string, string>): void => {
    for (const { env } of containers({ PUBLISH: '0.0.0.0', ...more })) readConfig(env, {}, 80);
  };
  for (const { env } of containers({ PUBLISH: '0.0.0.0' })) assert.throws(() => readConfig(env, {}, 80), refusal);
  start({ SSRMS_JWT_SECRET: 's'.repeat(32) });
  const issuer = { SSRMS_JWT_ISSUER: 'https://issuer.test', SSRMS_JWT_AUDIENCE: 'ssrms' };
  start({ SSRMS_JWKS_URL: 'https://issuer.test/keys', ...issuer });
  start({ NO_AUTH: 'true' });
});

test('images are named by their digests, and a file with secrets enters neither an image nor the repository', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  const digest = /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/;
  const [, node = ''] = /^ARG NODE_IMAGE=(.*)$/m.exec(dockerfile) ?? [];
  assert.match(node, digest);
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  assert.deepEqual(new Set(bases), new Set(['${NODE_IMAGE}']));
  const images = Object.values(composeFile('compose.kafka.yaml').services).map(({ image = '' }) => image);
  for (const image of interpolated(images, {})) assert.match(image, digest);
  for (const file of ['.dockerignore', '.gitignore']) {
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const name of ['.env', '.env.*']) assert.ok(lines.includes(name), `${file} has no ${name}`);
  }
});

interface Step {
  readonly instruction: string;
  readonly text: string;
}

/** The stages of a Dockerfile: name, and instructions with their continuation lines joined. */
function stagesOf(text: string): { name: string; steps: Step[] }[] {
  const lines = text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line));
  const stages: { name: string; steps: Step[] }[] = [];
  for (const line of lines) {
    const [, instruction = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') stages.push({ name: / AS (\w+)$/.exec(rest)?.[1] ?? '', steps: [] });
    else stages.at(-1)?.steps.push({ instruction, text: rest });
  }
  return stages;
}

test('the Dockerfile builds in a clean folder and starts what it says', async () => {
  const root = mkdtempSync(join(tmpdir(), 'ssrms-image-'));
  const context = join(root, 'context');
  const ignored = new Set(readFileSync('.dockerignore', 'utf8').split('\n'));
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  }).split('\n');
  for (const file of files.filter((path) => path !== '' && !ignored.has(path.split('/')[0]!) && existsSync(path))) {
    mkdirSync(dirname(join(context, file)), { recursive: true });
    cpSync(file, join(context, file));
  }
  try {
    const environment: Record<string, string> = {};
    let entry: string[] = [];
    let command: string[] = [];
    const stages = stagesOf(readFileSync('Dockerfile', 'utf8'));
    for (const [index, stage] of stages.entries()) {
      const folder = join(root, stage.name === '' ? `stage-${index}` : stage.name);
      mkdirSync(join(folder, 'app'), { recursive: true });
      for (const { instruction, text } of stage.steps) {
        const parts = text.split(' ');
        const from = /^--from=(\w+)$/.exec(parts[0] ?? '')?.[1];
        if (instruction === 'COPY')
          copy(
            from === undefined ? context : join(root, from),
            parts.filter((part) => !part.startsWith('--')),
            folder,
          );
        // The user and the folder of an image are not this machine's.
        else if (instruction === 'RUN' && !text.includes('chown'))
          execFileSync('sh', ['-c', text], { cwd: join(folder, 'app'), stdio: ['ignore', 'ignore', 'inherit'] });
        else if (instruction === 'ENV')
          for (const [, name, value] of text.matchAll(/(\w+)=(\S+)/g)) environment[name!] = value!;
        else if (instruction === 'ENTRYPOINT') entry = JSON.parse(text) as string[];
        else if (instruction === 'CMD') command = JSON.parse(text) as string[];
      }
    }
    await startsAndAnswers(join(root, `stage-${stages.length - 1}`, 'app'), [...entry, ...command], {
      ...environment,
      DATA_DIR: join(root, 'data'),
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

function copy(source: string, paths: string[], folder: string): void {
  const target = paths.pop()!;
  for (const path of paths) {
    const to = join(folder, 'app', target === './' || paths.length > 1 ? path.replace(/^\/app\//, '') : target);
    cpSync(join(source, path), target === '.' ? join(folder, 'app') : to, { recursive: true, verbatimSymlinks: true });
  }
}

async function startsAndAnswers(folder: string, command: string[], environment: Record<string, string>): Promise<void> {
  assert.ok(!existsSync(join(folder, 'node_modules/vite')), 'what only development needs is not in the image');
  const child = spawn(process.execPath, command.slice(1), {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment, HOST: '127.0.0.1', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let output = '';
    for await (const text of child.stdout as AsyncIterable<Buffer>) {
      output += text.toString();
      if (/http:\/\/127\.0\.0\.1:\d+\//.test(output)) break;
    }
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(output)?.[0];
    assert.equal((await fetch(`${url}health/ready`)).status, 200);
    const page = await fetch(url!);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<title>/);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
