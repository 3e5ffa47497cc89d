// Rules, alarms and the system from a terminal, against the running system, as real processes.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { waitForValue } from '../support/wait-until.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { postJson } from './scenario.ts';

let fake: FakeDiscord;
let folder: string;
let up: SsrmsProcess;
let webhook: string;

before(async () => {
  fake = await startFakeDiscord();
  webhook = fake.addWebhook().url;
  folder = mkdtempSync(join(tmpdir(), 'ssrms-rules-'));
  up = await startSsrms(['up'], { env: { DATA_DIR: join(folder, 'data'), DISCORD_API_BASE: fake.apiBase } });
});
after(async () => {
  await up.stop();
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ssrms(...args: string[]): Promise<string> {
  const { code, output } = await runSsrms([...args, '--url', up.url]);
  assert.equal(code, 0, `${args.join(' ')}: ${output}`);
  return output;
}

async function refused(...args: string[]): Promise<string> {
  const { code, output } = await runSsrms([...args, '--url', up.url]);
  assert.equal(code, 1, output);
  return output;
}

async function create(name: string, ...more: string[]): Promise<string> {
  const fields = [`metric_name=${name}`, 'threshold=90', `discord_webhook_url=${webhook}`, ...more];
  const output = await ssrms('rules', 'create', ...fields.flatMap((field) => ['--set', field]), '--json');
  return (JSON.parse(output) as { id: string }).id;
}

test('a rule has a name, a severity, labels and a runbook, and goes by its name', async () => {
  const name = 'Checkout errors';
  await create(
    'failures',
    `name=${name}`,
    'severity=warning',
    'labels.team=payments',
    'runbook_url=https://a.example/',
  );
  const list = await ssrms('rules', 'list', 'severity:warning', 'label:team=payments', 'name:checkout*');
  assert.match(
    list,
    /^ID +STATE +SEVERITY .* LABELS +RULE\n.* ok +warning .* team=payments +Checkout errors: failures > 90/,
  );
  assert.match(
    await ssrms('rules', 'edit', name, '--set', 'labels.tier=1', '--unset', 'labels.team'),
    /Checkout errors: /,
  );
  const { labels, id } = JSON.parse(await ssrms('rules', 'get', name)) as { labels: object; id: string };
  assert.deepEqual(labels, { tier: '1' });
  assert.match(await ssrms('backtest', name), /^Would have fired 0 times/);
  assert.match(
    await refused(
      'rules',
      'create',
      '--set',
      'metric_name=x',
      'threshold=1',
      `name=${name}`,
      `discord_webhook_url=${webhook}`,
    ),
    new RegExp(`is the name of the rule ${id}`),
  );
  assert.match(await refused('rules', 'get', 'nobody'), /refused \(404\)/);
  assert.match(await ssrms('rules', 'disable', name), /^disabled 1/);
  assert.match(await ssrms('rules', 'delete', name), /^deleted 1/);
});

test('a rule is made, found, read, changed and deleted', async () => {
  const id = await create('cpu', 'tags.host=web-1', 'cooldown_seconds=30', 'enabled=true');
  assert.match(
    await ssrms('rules', 'list', 'metric:cpu'),
    new RegExp(`^ID +STATE[\\s\\S]*${id} +ok .*cpu > 90 host=web-1`),
  );
  assert.match(
    await ssrms('rules', 'edit', id, '--set', 'tags.zone=eu-*', 'tags.disk!=sda|sdb', 'tags.rack exists'),
    /cpu > 90 host=web-1 zone=eu-\* disk!=sda\|sdb rack exists/,
  );
  assert.match(
    await refused('rules', 'edit', id, '--set', 'tags.zone=eu-*|us'),
    /tags\.zone=eu-\*\|us: must have no \*/,
  );
  assert.match(
    await ssrms('rules', 'edit', id, '--unset', 'tags.zone', 'tags.disk', 'tags.rack'),
    /cpu > 90 host=web-1\n/,
  );
  assert.match(await ssrms('rules', 'search', 'metric:none'), /^No rule matches/);
  const [line] = (await ssrms('rules', 'list', 'tag:host=web-1', '--json')).split('\n');
  assert.equal((JSON.parse(line!) as { rule: { id: string } }).rule.id, id);
  const output = await ssrms(
    'rules',
    'edit',
    id,
    '--set',
    'threshold=95.5',
    '--unset',
    'cooldown_seconds',
    'tags.host',
  );
  assert.match(output, new RegExp(`saved ${id}: cpu > 95.5`));
  const rule = JSON.parse(await ssrms('rules', 'get', id)) as object;
  const expected = { id, metric_name: 'cpu', threshold: 95.5, discord_webhook_url: webhook, tags: {}, enabled: true };
  assert.deepEqual(rule, expected);
  assert.match(await refused('rules', 'edit', id, '--set', 'threshold=high'), /threshold must be a number, got "high"/);
  assert.match(await refused('rules', 'edit', id, '--set', 'thresold=1'), /thresold/);
  assert.match(await refused('rules', 'create', '--set', 'metric_name=cpu'), /threshold is missing/);
  assert.match(await ssrms('rules', 'delete', id), /^deleted 1/);
  assert.match(await refused('rules', 'get', id), /refused \(404\)/);
});

test('many rules are disabled, enabled, exported, imported and deleted', async () => {
  for (let number = 0; number < 3; number++) await create(`many-${number}`);
  assert.match(await ssrms('rules', 'disable', '--search', 'metric:many-*'), /^disabled 3/);
  assert.match(await ssrms('rules', 'enable', '--search', 'metric:many-*'), /^enabled 3/);
  assert.match(await ssrms('rules', 'enable', '--search', 'metric:many-*'), /^enabled 0, 3 were so already/);
  const file = join(folder, 'rules.json');
  writeFileSync(file, await ssrms('rules', 'export', 'metric:many-*'));
  const rules = JSON.parse(readFileSync(file, 'utf8')) as { metric_name: string; threshold: number }[];
  assert.deepEqual(rules.map(({ metric_name: name }) => name).sort(), ['many-0', 'many-1', 'many-2']);
  assert.match(await refused('rules', 'delete', '--search', 'metric:many-*'), /would delete 3 rules/);
  assert.match(await ssrms('rules', 'delete', '--yes', '--search', 'metric:many-*'), /^deleted 3/);
  writeFileSync(file, JSON.stringify([...rules, { metric_name: 'many-3' }]));
  const dry = await refused('rules', 'import', file, '--dry-run');
  assert.match(dry, /3 new, 0 changed, 0 the same, 1 refused/);
  assert.match(dry, /refused +row 4 .*threshold is missing/);
  assert.match(await ssrms('rules', 'list', 'metric:many-*'), /^No rule matches/);
  writeFileSync(file, JSON.stringify(rules));
  assert.match(await ssrms('rules', 'import', file), /3 new/);
  assert.match(await ssrms('rules', 'import', file), /0 new, 0 changed, 3 the same/);
  assert.match(await refused('rules', 'disable', '00000000-0000-4000-8000-000000000000'), /there is no rule/);
});

test('without --state only what is firing or pending is listed, and a value that is not known is blank', async () => {
  const firing = await create('overheated');
  const ended = await create('cooled');
  const post = (name: string, value: number): Promise<unknown> => postJson(`${up.url}/api/v1/metrics`, { name, value });
  await post('overheated', 97);
  await post('cooled', 97);
  await post('cooled', 17);
  const all = (): Promise<string> => ssrms('alarms', 'list', '--state', 'all');
  const isThere = (text: string): boolean => text.includes(firing) && new RegExp(`^ok .*${ended}`, 'm').test(text);
  await waitForValue('both alarms are known', all, isThere);
  const listed = await ssrms('alarms', 'list', '--metric', 'cooled');
  assert.match(listed, /^No alarm matches/);
  assert.match(await ssrms('alarms', 'list', '--limit', '1', '--metric', 'overheated'), new RegExp(firing));
  // Its alarm ends without a sample.
  await ssrms('rules', 'disable', firing);
  await ssrms('rules', 'enable', firing);
  const ofRule = (): Promise<string> => ssrms('alarms', 'list', '--state', 'all', '--rule', firing);
  await waitForValue('its alarm has ended', ofRule, (text) => /^ok /m.test(text));
  assert.doesNotMatch(await ofRule(), /no data/);
});

test('what fires is listed, one alarm is told of, and the system says how it is', async () => {
  const id = await create('burning', 'tags.host=a');
  await postJson(`${up.url}/api/v1/metrics`, { name: 'burning', value: 97.5, tags: { host: 'a' } });
  const firing = (): Promise<string> => ssrms('alarms', 'list', '--state', 'firing');
  assert.match(
    await waitForValue('its alarm fires', firing, (text) => text.includes('burning')),
    new RegExp(`^STATE +SINCE[\\s\\S]*firing +\\S+ \\S+ +97.5 +${id} +[0-9a-f-]{36} +burning host=a`),
  );
  const listed = (await ssrms('alarms', 'list', '--rule', id, '--json')).split('\n')[0]!;
  const { alarm_id: alarmId } = JSON.parse(listed) as { alarm_id: string };
  const alarm = (): Promise<string> => ssrms('alarms', 'get', alarmId);
  const output = await waitForValue('it is delivered', alarm, (text) => /Message +fired: delivered/.test(text));
  assert.match(output, /^Series +burning host=a\nState +firing\nCause +97\.5/);
  assert.match(await ssrms('system'), /Rules +\d+[\s\S]*INSTANCE +STATE[\s\S]*live +rules ingest alarms console/);
  assert.ok((JSON.parse(await ssrms('system', '--json')) as { instances: unknown[] }).instances.length > 0);
  assert.match(await refused('alarms', 'list', '--state', 'odd'), /Allowed choices are firing, pending, ok, all/);
  assert.match(await refused('alarms', 'list', '--limit', 'many'), /limit/);
  const { code, output: said } = await runSsrms(['rules', 'lst']);
  assert.equal(code, 1);
  assert.match(said, /too many arguments|unknown command 'lst'/);
});

test('an export with masked webhooks warns and ends with 3; with --with-secrets it is whole or fails', async () => {
  const secret = { SSRMS_JWT_SECRET: 'a secret of a system whose requests need tokens' };
  const own = { DATA_DIR: join(folder, 'guarded'), DISCORD_API_BASE: fake.apiBase, REVEAL_WEBHOOK_URL: 'writers' };
  const env = { ...secret, ...own };
  const guarded = await startSsrms(['up'], { env });
  try {
    const as = async (scopes: string[], ...args: string[]): Promise<{ code: number | null; output: string }> => {
      const { output: token } = await runSsrms(['token', '--scope', ...scopes], secret);
      return runSsrms(args, { SSRMS_URL: guarded.url, SSRMS_TOKEN: token.trim() });
    };
    const fields = ['metric_name=cpu', 'threshold=90', `discord_webhook_url=${webhook}`];
    const made = await as(
      ['rules:write', 'rules:read'],
      'rules',
      'create',
      ...fields.flatMap((field) => ['--set', field]),
    );
    assert.equal(made.code, 0, made.output);
    const masked = await as(['rules:read'], 'rules', 'export');
    assert.equal(masked.code, 3, masked.output);
    assert.match(
      masked.output,
      /^ssrms: 1 of 1 rules have a masked webhook URL, and cannot be imported.*--with-secrets/m,
    );
    const refusal = await as(['rules:read'], 'rules', 'export', '--with-secrets');
    assert.equal(refusal.code, 1);
    assert.match(refusal.output, /refused \(403\): webhook URLs are shown to tokens with the scope rules:write/);
    const whole = await as(['rules:write', 'rules:read'], 'rules', 'export', '--with-secrets');
    assert.equal(whole.code, 0, whole.output);
    assert.ok(whole.output.includes(webhook));
  } finally {
    await guarded.stop();
  }
});

const alerts = `
groups:
  - name: hosts
    rules:
      - alert: HostDown
        expr: up{job="node"} == 0
        for: 1m
        labels: {severity: critical}
      - alert: ErrorShare
        expr: sum by (service) (rate(requests_total{status=~"500|503"}[5m])) / sum by (service) (rate(requests_total[5m])) > 0.05
      - alert: JobAbsent
        expr: absent(up{job="cron"})
      - alert: LoadHigh
        expr: load > 80
        labels: {severity: warning}
      - alert: LoadHigh
        expr: load > 95
        labels: {severity: critical}
`;
const beyond = '      - alert: DiskFull\n        expr: |\n          disk_free\n            / disk_size < 0.1\n';

async function importPrometheus(...args: string[]): Promise<{ code: number | null; output: string; last: string }> {
  const { code, output } = await runSsrms(['rules', 'import', 'prometheus', ...args]);
  return { code, output, last: output.trimEnd().split('\n').at(-1)! };
}

test("Prometheus' alerts become rules that the API takes as they stand, and what is not translated is listed", async () => {
  const [source, out] = [join(folder, 'prometheus'), join(folder, 'rules')];
  mkdirSync(join(source, 'more'), { recursive: true });
  writeFileSync(join(source, 'hosts.yml'), alerts);
  writeFileSync(join(source, 'more', 'hosts.yaml'), alerts + beyond);
  writeFileSync(join(source, 'other.yaml'), 'kind: ConfigMap');

  const whole = await importPrometheus(join(source, 'hosts.yml'), '--receiver', 'ops');
  assert.equal(whole.code, 0, whole.output);
  assert.match(whole.output, /^ {2}- name: HostDown$/m);
  assert.match(whole.output, /^hosts\.yml: 5 of 5 \(as 4 rules, some with levels\)$/m);
  assert.equal(whole.last, 'translated 5 of 5 rules');

  const part = await importPrometheus(source, '--receiver', 'ops', '--out', out);
  assert.equal(part.code, 2, part.output);
  assert.equal(part.last, 'translated 10 of 11 rules');
  assert.match(
    part.output,
    /not translated {2}DiskFull: a rule is about one metric, .* \(line 1, column 1: disk_free \/ disk_size\)/,
  );
  assert.doesNotMatch(part.output, /still needs a receiver|other\.yaml/);

  await ssrms('receivers', 'set', 'ops', '--kind', 'discord', '--address', webhook);
  const { rules } = parse(readFileSync(join(out, 'hosts.yaml'), 'utf8')) as { rules: { name: string }[] };
  assert.deepEqual(
    rules.map(({ name }) => name),
    ['HostDown (critical)', 'ErrorShare (hosts)', 'JobAbsent (hosts)', 'LoadHigh (hosts)'],
  );
  for (const rule of rules) {
    const path = `/rules/by-name/${encodeURIComponent(rule.name)}`;
    const { status, body } = await postJson(`${up.url}${path}`, rule, 'PUT');
    assert.equal(status, 201, JSON.stringify(body));
  }
  const more = join(out, 'more', 'hosts.yaml');
  assert.match(await ssrms('rules', 'import', more, '--dry-run'), /^4 new, 0 changed, 0 the same, 0 refused$/m);
});

test('an import of Prometheus fails where something cannot be read, or would be overwritten', async () => {
  const source = join(folder, 'broken');
  mkdirSync(source);
  writeFileSync(join(source, 'good.yaml'), alerts);
  const refusals: readonly (readonly [args: string[], reason: RegExp])[] = [
    [[join(source, 'none.yml')], /cannot be read/],
    [[source, '--out', source], /is one of the files to translate/],
    [[source, '--receiver', 'a b'], /--receiver must have/],
    [[source, '--scrape-interval', 'often'], /--scrape-interval must be a time/],
    [[join(folder, 'data')], /there are no groups of rules/],
  ];
  for (const [args, reason] of refusals) {
    const { code, output } = await importPrometheus(...args);
    assert.equal(code, 1, output);
    assert.match(output, reason);
  }
  writeFileSync(join(source, 'template.yml'), 'groups:\n{{ range .Values.groups }}\n- a');
  const { code, output, last } = await importPrometheus(source);
  assert.equal(code, 1, output);
  assert.match(output, /^template\.yml: it is not YAML: .*line/m);
  assert.match(output, /^Each rule still needs a receiver: /m);
  assert.equal(last, 'translated 5 of 5 rules');
});
