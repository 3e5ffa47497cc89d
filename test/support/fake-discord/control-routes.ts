/** The fake's own little API and page, beside Discord's: what happened, and what shall happen from now on. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonAnswer } from './answer.ts';
import { bodyOf } from './body.ts';
import { certificateKinds, type CertificateKind } from './certificates.ts';
import { send } from './delivery.ts';
import { doorModes, type DoorMode } from './door.ts';
import { faultKinds, type Fault } from './fault.ts';
import type { FakeDiscord } from './fake-discord.ts';
import type { ExpectedAlarm } from './ledger-facts.ts';
import { shownMessage, shownWebhook } from './request-handler.ts';
import type { NewWebhook } from './webhook-table.ts';

/** What `POST /_control` takes, all of it optional. */
export interface ControlRequest {
  readonly webhooks?: readonly NewWebhook[];
  readonly faults?: readonly Fault[];
  readonly clearFaults?: boolean;
  readonly clearLedger?: boolean;
  readonly killWebhook?: string;
  readonly reviveWebhook?: string;
  readonly deleteMessage?: string;
  /** Every address is banned for so long. */
  readonly banMs?: number;
  readonly latencyMs?: readonly [number, number];
  /** What new connections meet. Send it to the control address: it stays open. */
  readonly door?: DoorMode;
  /** The certificate that new connections are shown; only when the fake speaks TLS. */
  readonly certificate?: CertificateKind;
}

const page = readFileSync(new URL('page.html', import.meta.url));
const pageMessagesMax = 50;
const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:";

/** Answers a request that is not for Discord's part. Never rejects but when the client is gone. */
export async function answerOwn(fake: FakeDiscord, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const reply = (value: unknown, status = 200) => void send(response, jsonAnswer(status, value, 'read'));
  const body = (await bodyOf(request)) ?? '';
  const webhookId = url.searchParams.get('webhook');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy });
      response.end(page);
      return;
    case 'GET /_ledger': {
      const entries = fake.ledger.entries.filter((entry) => webhookId === null || entry.webhookId === webhookId);
      return reply(url.searchParams.has('summary') ? fake.summary() : { ...fake.summary(), entries });
    }
    case 'GET /_messages':
      return reply(pageData(fake, Number(url.searchParams.get('after') ?? 0)));
    case 'POST /_facts':
    case 'POST /_control': {
      const read = readJson(body);
      if (read === undefined) return reply({ message: 'the body must be a JSON object' }, 400);
      if (url.pathname === '/_facts') return reply(fake.facts((read['expected'] ?? []) as readonly ExpectedAlarm[]));
      const wrong = complaintAbout(read);
      if (wrong !== undefined) return reply({ message: wrong }, 400);
      const { door } = read as ControlRequest;
      if (door !== undefined) await fake.door.set(door);
      return reply(fake.control(read));
    }
    default:
      return reply({ message: '404: Not Found', code: 0 }, 404);
  }
}

function readJson(body: string): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(body);
    return typeof read === 'object' && read !== null && !Array.isArray(read)
      ? (read as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A mistyped fault that never comes would make a test pass for nothing. */
function complaintAbout({ faults, door, certificate }: ControlRequest): string | undefined {
  const strange = faults?.find(({ kind }) => !faultKinds.includes(kind));
  if (strange !== undefined) return `there is no fault ${strange.kind}, but ${faultKinds.join(', ')}`;
  if (door !== undefined && !doorModes.includes(door)) return `door is ${door}, and may be ${doorModes.join(', ')}`;
  return certificate === undefined || certificateKinds.includes(certificate)
    ? undefined
    : `certificate is ${certificate}, and may be ${certificateKinds.join(', ')}`;
}

function pageData(fake: FakeDiscord, after: number): unknown {
  const messages = fake.webhooks.changedSince(after, pageMessagesMax).map((message) => ({
    ...shownMessage(message),
    name: fake.webhooks.get(message.webhookId)?.name,
    revision: message.revision,
    is_deleted: message.isDeleted,
  }));
  return {
    messages,
    webhooks: fake.webhooks.all().map((webhook) => shownWebhook(webhook, false)),
    summary: fake.summary(),
  };
}
