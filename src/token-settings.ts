import { secretBytesMin } from './http/limits.ts';
import { ConfigError, listOf, webAddress, type ReadSetting } from './setting-values.ts';
import { fileVariableOf, settings } from './settings.ts';

export interface TokenSettings {
  readonly jwtSecret: string | undefined;
  /** The secret before it, whose tokens are still accepted. */
  readonly jwtSecretPrevious: string | undefined;
  readonly jwksUrl: string | undefined;
  /** undefined: any. */
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  /** Ids of tokens that are refused, and a file with further ones, which is read again when it changes. */
  readonly jwtRevoked: { readonly ids: readonly string[]; readonly file: string | undefined };
}

/** How tokens are checked. Throws ConfigError where that would accept tokens that are not meant for this system. */
export function tokenSettings(text: ReadSetting, env: NodeJS.ProcessEnv): TokenSettings {
  const [jwtSecret, jwtSecretPrevious] = [text('jwtSecret'), text('jwtSecretPrevious')];
  const jwksUrl = webAddress(settings.jwksUrl, text('jwksUrl'));
  if (jwtSecret !== undefined && jwksUrl !== undefined) {
    throw new ConfigError(
      'SSRMS_JWT_SECRET and SSRMS_JWKS_URL are both set: tokens have one source of keys, set one of them',
    );
  }
  if (jwtSecretPrevious !== undefined && jwtSecret === undefined) {
    throw new ConfigError('SSRMS_JWT_SECRET_PREVIOUS is set, and needs SSRMS_JWT_SECRET, the secret that replaces it');
  }
  refuseShort('SSRMS_JWT_SECRET', jwtSecret);
  refuseShort('SSRMS_JWT_SECRET_PREVIOUS', jwtSecretPrevious);
  const [issuer, audience] = [text('jwtIssuer'), text('jwtAudience')];
  if (jwksUrl !== undefined) refuseAnyToken(issuer, audience);
  const revoked = text('jwtRevoked');
  const file = env[fileVariableOf(settings.jwtRevoked)]?.trim() || undefined;
  return {
    jwtSecret,
    jwtSecretPrevious,
    jwksUrl,
    jwtIssuer: issuer === any ? undefined : issuer,
    jwtAudience: audience === any ? undefined : audience,
    jwtRevoked: { ids: file === undefined ? listOf(revoked) : [], file },
  };
}

const any = '*';

function refuseShort(name: string, secret: string | undefined): void {
  if (secret === undefined || Buffer.byteLength(secret) >= secretBytesMin) return;
  throw new ConfigError(
    `${name} has ${Buffer.byteLength(secret)} bytes, and at least ${secretBytesMin} are needed: make one with "openssl rand -base64 48"`,
  );
}

/** An issuer makes tokens for many applications: without these checks each of them would open this one. */
function refuseAnyToken(issuer: string | undefined, audience: string | undefined): void {
  const missing = [
    ...(issuer === undefined ? ['SSRMS_JWT_ISSUER'] : []),
    ...(audience === undefined ? ['SSRMS_JWT_AUDIENCE'] : []),
  ];
  if (missing.length === 0) return;
  throw new ConfigError(
    `SSRMS_JWKS_URL is set, and needs ${missing.join(' and ')}: what the tokens for this system have as iss and aud, or * where any may stand, so that tokens for other applications are accepted, too`,
  );
}
