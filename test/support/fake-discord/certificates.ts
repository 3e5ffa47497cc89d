/**
 * Certificates made on the spot, of a test authority that nobody knows: X.509 v3 in DER, signed with ECDSA on P-256. So no key
 * lies in the repository, and none expires. RFC 5280, section 4.1 has the form.
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** `trusted` is signed by the authority for this machine and discord.com; each other has one thing wrong with it. */
export const certificateKinds = ['trusted', 'self_signed', 'expired', 'wrong_name'] as const;
export type CertificateKind = (typeof certificateKinds)[number];

export interface ServerIdentity {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

export interface CertificateAuthority {
  /** PEM: who trusts it trusts what it issued (NODE_EXTRA_CA_CERTS, or the option `ca`). */
  readonly cert: string;
  issue(kind: CertificateKind): ServerIdentity;
}

const dayMs = 86_400_000;
const goodNames = ['localhost', 'discord.com', 'ptb.discord.com', 'canary.discord.com'];

export function createAuthority(nowMs: number): CertificateAuthority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { name: 'Fake Discord test authority', key: authority.privateKey };
  const now: Validity = [nowMs - dayMs, nowMs + 30 * dayMs];
  const own = { subject: issuer.name, publicKey: authority.publicKey, issuer, validity: now, isAuthority: true };
  return {
    cert: pem('CERTIFICATE', certificate({ ...own, names: [] })),
    issue(kind) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const subject = 'Fake Discord';
      const issued = certificate({
        subject,
        publicKey,
        issuer: kind === 'self_signed' ? { name: subject, key: privateKey } : issuer,
        validity: kind === 'expired' ? [nowMs - 30 * dayMs, nowMs - dayMs] : now,
        isAuthority: false,
        names: kind === 'wrong_name' ? ['elsewhere.example'] : goodNames,
      });
      return {
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        cert: pem('CERTIFICATE', issued),
      };
    },
  };
}

type Validity = readonly [fromMs: number, untilMs: number];

interface CertificateFacts {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly issuer: { readonly name: string; readonly key: KeyObject };
  readonly validity: Validity;
  readonly isAuthority: boolean;
  /** DNS names; with any, 127.0.0.1 is one of its addresses. */
  readonly names: readonly string[];
}

const tag = { integer: 0x02, bits: 0x03, octets: 0x04, utf8: 0x0c, utcTime: 0x17, sequence: 0x30, set: 0x31 } as const;
/** Object identifiers, whole: ecdsa-with-SHA256, commonName, subjectAltName, basicConstraints. */
const oid = {
  signature: Buffer.from('06082a8648ce3d040302', 'hex'),
  commonName: Buffer.from('0603550403', 'hex'),
  alternativeName: Buffer.from('0603551d11', 'hex'),
  basicConstraints: Buffer.from('0603551d13', 'hex'),
};
const yes = Buffer.from('0101ff', 'hex');

function certificate(facts: CertificateFacts): Buffer {
  const algorithm = der(tag.sequence, oid.signature);
  const serial = randomBytes(8);
  serial[0] = 1;
  const names = facts.names.map((name) => der(0x82, Buffer.from(name)));
  const extensions = [
    der(
      tag.sequence,
      oid.basicConstraints,
      yes,
      der(tag.octets, der(tag.sequence, ...(facts.isAuthority ? [yes] : []))),
    ),
    ...(names.length === 0
      ? []
      : [
          der(
            tag.sequence,
            oid.alternativeName,
            der(
              tag.octets,
              der(tag.sequence, ...names, ...(isHere(facts) ? [der(0x87, Buffer.from([127, 0, 0, 1]))] : [])),
            ),
          ),
        ]),
  ];
  const toBeSigned = der(
    tag.sequence,
    der(0xa0, der(tag.integer, Buffer.of(2))),
    der(tag.integer, serial),
    algorithm,
    nameOf(facts.issuer.name),
    der(tag.sequence, ...facts.validity.map((timeMs) => der(tag.utcTime, utcTime(timeMs)))),
    nameOf(facts.subject),
    facts.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(tag.sequence, ...extensions)),
  );
  const signature = sign('sha256', toBeSigned, facts.issuer.key);
  return der(tag.sequence, toBeSigned, algorithm, der(tag.bits, Buffer.of(0), signature));
}

function isHere({ names }: CertificateFacts): boolean {
  return names.includes('localhost');
}

function nameOf(commonName: string): Buffer {
  return der(tag.sequence, der(tag.set, der(tag.sequence, oid.commonName, der(tag.utf8, Buffer.from(commonName)))));
}

/** YYMMDDHHMMSSZ. */
function utcTime(timeMs: number): Buffer {
  return Buffer.from(`${new Date(timeMs).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`);
}

/** A value with its tag and length. */
function der(tagByte: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tagByte, length), content]);
  const bytes = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.of(tagByte, 0x80 | bytes.length), bytes, content]);
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
