import { randomUUID } from 'node:crypto';
import { Option, type Command } from 'commander';
import { ConfigError, settingReader } from '../setting-values.ts';
import { Failure } from '../base/failure.ts';
import { addExamples, type Example } from './examples.ts';
import { scopes, type Scope } from '../http/scope.ts';
import { signToken } from '../http/token.ts';

const unitSeconds: Record<string, number> = { m: 60, h: 3_600, d: 86_400 };

interface TokenOptions {
  readonly scope?: Scope[];
  readonly subject: string;
  readonly expires: string;
  readonly ssrmsJwtIssuer?: string;
  readonly ssrmsJwtAudience?: string;
}

const examples: readonly Example[] = [
  ['export SSRMS_JWT_SECRET="$(openssl rand -base64 48)"', 'a secret; the services need the same'],
  ['ssrms token --scope rules:read rules:write --expires 12h', 'a token that may read and change rules'],
  ['ssrms token --scope system:read --expires 365d', 'a token for Prometheus, which scrapes /metrics'],
];

/** Adds `ssrms token`. */
export function addTokenCommand(program: Command): void {
  const token = program
    .command('token')
    .description('make a token for the secret in SSRMS_JWT_SECRET, and print it')
    .addOption(new Option('--scope <scopes...>', `what the token allows (default: all but admin)`).choices(scopes))
    .option('--subject <name>', 'whose token it is (sub)', 'developer')
    .option('--expires <time>', 'how long it lasts: 30m, 12h, 7d', '7d')
    .option('--ssrms-jwt-issuer <name>', 'issuer (iss) [SSRMS_JWT_ISSUER]')
    .option('--ssrms-jwt-audience <name>', 'audience (aud) [SSRMS_JWT_AUDIENCE]')
    .action(async (options: TokenOptions) => {
      const secret = settingReader(process.env, {})('jwtSecret');
      if (secret === undefined)
        throw new ConfigError('SSRMS_JWT_SECRET is not set: a token is made for the secret in it');
      const tokenId = randomUUID();
      const signed = await signToken({
        secret,
        subject: options.subject,
        scopes: options.scope ?? scopes.filter((scope) => scope !== 'admin'),
        lifetimeSeconds: lifetimeSeconds(options.expires),
        issuer: options.ssrmsJwtIssuer ?? process.env.SSRMS_JWT_ISSUER,
        audience: options.ssrmsJwtAudience ?? process.env.SSRMS_JWT_AUDIENCE,
        tokenId,
        nowMs: Date.now(),
      });
      // For people alone: standard output is the token, for $(…), and scripts may read both streams.
      if (process.stderr.isTTY)
        console.error(`Token id ${tokenId}: put it into SSRMS_JWT_REVOKED to revoke the token.`);
      console.log(signed);
    });
  addExamples(token, examples);
}

function lifetimeSeconds(text: string): number {
  const match = /^(\d{1,5})([mhd])$/.exec(text);
  const seconds = match === null ? 0 : Number(match[1]) * unitSeconds[match[2]!]!;
  if (seconds < 1) throw new Failure('invalid_field', `--expires is ${text}, and is written as 30m, 12h or 7d`);
  return seconds;
}
