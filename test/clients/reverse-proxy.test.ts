// The examples of docs/REVERSE-PROXY.md as they stand there, but for ports: the page, a change and a stream through each proxy.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { namedBlock } from '../documents/blocks.ts';
import { startSsrms } from '../support/ssrms-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { demandProgram, needs, startProgram, type Program } from './programs.ts';

const name = 'ssrms.example.com';
const folder = mkdtempSync(join(tmpdir(), 'ssrms-proxy-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
}

/** Asks the proxy under the public name, which no resolver knows. */
function open(url: URL, { method = 'GET', headers = {}, body }: Call = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { port, pathname: path } = url;
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { host: '127.0.0.1', port, path, method, headers: { host: url.host, ...type, ...headers } };
    const sent = request(options, resolve).on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function call(url: URL, options?: Call): Promise<{ status: number | undefined; text: string }> {
  const answer = await open(url, options);
  let text = '';
  for await (const piece of answer.setEncoding('utf8')) text += String(piece);
  return { status: answer.statusCode, text };
}

function startNginx(block: string, port: number): Program {
  const file = join(folder, `nginx-${port}.conf`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const paths = temporary.map((what) => `${what}_temp_path ${folder}/${what};`).join(' ');
  const server = block.replace('listen 80;', `listen 127.0.0.1:${port};`);
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
     events {} http { access_log off; ${paths}\n${server}\n}`,
  );
  return startProgram(demandProgram('nginx'), ['-p', folder, '-c', file, '-e', 'stderr']);
}

function startCaddy(block: string, port: number): Program {
  const file = join(folder, `Caddyfile-${port}`);
  const site = block.replace(`${name} {`, `http://${name}:${port} {\n  bind 127.0.0.1`);
  writeFileSync(file, `{\n  admin off\n}\n${site}\n`);
  const env = { XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
  return startProgram(demandProgram('caddy'), ['run', '--config', file, '--adapter', 'caddyfile'], env);
}

const start = { nginx: startNginx, caddy: startCaddy };

const examples = [
  ['nginx', 'nginx', ''],
  ['nginx-path', 'nginx', '/ssrms'],
  ['caddy', 'caddy', ''],
  ['caddy-path', 'caddy', '/ssrms'],
] as const;

for (const [snippet, program, path] of examples)
  test(
    `through ${snippet} of the documents the page, a change and a stream work without tokens`,
    needs(program),
    async () => {
      const port = await freePort();
      const root = `http://${name}:${port}${path}`;
      const env = { CONSOLE_URL: root, DATA_DIR: join(folder, snippet) };
      const up = await startSsrms(['up'], { env });
      const upstream = new URL(up.url).host;
      const proxy = start[program](namedBlock(snippet).text.replace('127.0.0.1:9090', upstream), port);
      const at = (rest: string): URL => new URL(`${root}${rest}`);
      try {
        await waitUntil(
          `${program} serves the page`,
          async () => (await call(at('/console/'))).text.includes('<title>'),
          {
            msMax: 20_000,
          },
        );
        const stream = await open(at('/api/v1/stream'), { method: 'POST', body: { feed: ['rule'] } });
        let streamed = '';
        stream.setEncoding('utf8').on('data', (piece: string) => (streamed += piece));
        await waitUntil('the stream begins', () => streamed.includes('event:'), { msMax: 10_000 });
        const rule = {
          metric_name: 'proxied',
          threshold: 1,
          discord_webhook_url: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`,
        };
        const headers = { origin: `http://${name}:${port}` };
        const made = await call(at('/rules'), { method: 'POST', headers, body: rule });
        assert.equal(made.status, 201, made.text);
        await waitUntil('the stream tells of the edit', () => streamed.includes('"kind":"rule"'), { msMax: 10_000 });
        stream.destroy();
        const foreign = { method: 'POST', headers: { origin: 'https://evil.example' }, body: rule };
        const refused = await call(at('/rules'), foreign);
        assert.equal(refused.status, 403);
        assert.match(refused.text, /evil\.example/);
      } catch (error) {
        throw new Error(`${program} said: ${proxy.output()}`, { cause: error });
      } finally {
        await proxy.stop();
        await up.stop();
      }
    },
  );
