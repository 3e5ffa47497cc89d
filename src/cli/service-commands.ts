import type { Command } from 'commander';
import type { Part } from '../topic-uses.ts';
import { isBehindProxy, isLocalOnly, needsTokens, readConfig, type Config } from '../config.ts';
import { ingestFlag } from './address.ts';
import { defaultPortOf } from './default-ports.ts';
import { addSettings, flagsOf, settingsOf } from './settings-options.ts';
import { untilTold } from './until-told.ts';

interface ServiceCommand {
  readonly name: keyof typeof defaultPortOf;
  readonly parts: readonly Part[];
  readonly description: string;
}

const commands: readonly ServiceCommand[] = [
  {
    name: 'up',
    parts: ['rules', 'ingest', 'alarms', 'console'],
    description: `run everything in one process: rules API, ingest, alarms and the web page (default port ${defaultPortOf.up})`,
  },
  {
    name: 'rules',
    parts: ['rules'],
    description: `run the rules API (default port ${defaultPortOf.rules}); or list, make and change rules`,
  },
  {
    name: 'ingest',
    parts: ['ingest'],
    description: `run the ingest service (default port ${defaultPortOf.ingest})`,
  },
  {
    name: 'alarms',
    parts: ['alarms'],
    description: `run an alarms instance: it evaluates and notifies, with health and metrics on its port (default ${defaultPortOf.alarms}); or list alarms`,
  },
  {
    name: 'console',
    parts: ['rules', 'console'],
    description: `run the web page and the rules API it uses (default port ${defaultPortOf.console})`,
  },
];

/** Adds `ssrms up` and the services, each a long-running process; `finish` gets the exit code. */
export function addServiceCommands(program: Command, finish: (exitCode: number) => void): void {
  for (const { name, parts, description } of commands) {
    const used = settingsOf(parts);
    const command = addSettings(program.command(name).description(description), used);
    command.action(async () => {
      const config = readConfig(process.env, flagsOf(command, used), defaultPortOf[name]);
      const { signal, hasStarted } = untilTold();
      const onListening = (url: string, pageUrl: string | undefined): void => {
        hasStarted();
        announce({ name, url, pageUrl, config });
      };
      const { runApp } = await import('../app.ts');
      await runApp({ config, name, parts, signal, onListening });
      finish(0);
    });
  }
}

interface Announcement {
  readonly name: string;
  readonly url: string;
  /** Where messages link to. */
  readonly pageUrl: string | undefined;
  readonly config: Config;
}

/** What a person at the terminal wants to know, on standard output. */
function announce({ name, url, pageUrl, config }: Announcement): void {
  const open = !needsTokens(config);
  const access = open ? accessWithoutTokens(config) : tokenHint(config);
  if (name !== 'up') {
    console.log(`ssrms ${name} listens on ${url}\n${access}`);
    return;
  }
  const where = config.broker === undefined ? `the embedded log in ${config.dataDir}` : `Kafka at ${config.broker}`;
  const rule = `{"metric_name":"packages-received","threshold":500,"discord_webhook_url":"https://discord.com/api/webhooks/ID/TOKEN"}`;
  const header = open ? '' : ' -H "Authorization: Bearer $SSRMS_TOKEN"';
  const firstSteps = `
  First rule   curl ${url}/rules${header} -H 'Content-Type: application/json' -d '${rule}'
  Some data    npx --no-install ssrms source spikes packages-received 450 550 1 3${ingestFlag(url)}`;
  // In one piece: whoever reads no further than the address must not end us.
  console.log(`
SSRMS is running on ${where}.

  Page         ${url}/${config.readOnly ? '' : firstSteps}

${config.readOnly ? 'It is read-only (READ_ONLY): every change is refused.\n' : ''}${pageUrl === undefined ? `${linkHint}\n` : ''}${access}`);
}

const linkHint = 'Messages have no link to the page: set CONSOLE_URL to the address at which people open it.';

/** The commands above read SSRMS_TOKEN: they are run in another terminal, which has not our secret. */
function tokenHint({ jwtSecret }: Config): string {
  if (jwtSecret === undefined) return 'Requests need a token of your issuer: put one into SSRMS_TOKEN.';
  return `Requests need a token. Where SSRMS_JWT_SECRET is set as it is here:
  export SSRMS_TOKEN="$(npx --no-install ssrms token)"`;
}

function accessWithoutTokens(config: Config): string {
  if (!isLocalOnly(config)) return 'No tokens are configured: everybody who reaches this address may change rules.';
  if (isBehindProxy(config))
    return `No tokens are configured: everybody whom the proxy at ${config.consoleUrl} lets in may change rules.`;
  const published = config.publish === undefined ? '' : ` (PUBLISH is ${config.publish})`;
  return `No tokens are configured: only this machine can reach it${published}. Set SSRMS_JWT_SECRET to serve others.`;
}
