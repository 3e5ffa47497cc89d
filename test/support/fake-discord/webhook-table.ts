import type { MessagePayload } from './payload-validation.ts';

/** A webhook that the fake knows. */
export interface FakeWebhook {
  readonly id: string;
  readonly token: string;
  /** Webhooks with the same channel share its hidden limit. */
  readonly channelId: string;
  name: string;
  /** Its channel is a forum: messages need a thread. */
  readonly isForum: boolean;
  /** The threads that are there; any when undefined. */
  readonly threads: readonly string[] | undefined;
  readonly lockedThreads: readonly string[];
  /** It is gone after so many accepted messages. */
  readonly diesAfter: number;
  acceptedCount: number;
  isDead: boolean;
}

export type NewWebhook = Partial<
  Pick<FakeWebhook, 'id' | 'token' | 'channelId' | 'name' | 'isForum' | 'threads' | 'lockedThreads' | 'diesAfter'>
>;

export interface FakeMessage {
  readonly id: string;
  readonly webhookId: string;
  readonly channelId: string;
  readonly atMs: number;
  payload: MessagePayload;
  editedAtMs: number | undefined;
  isDeleted: boolean;
  /** Grows with every change of any message: a page asks for what is newer than it knows. */
  revision: number;
}

/** Messages kept; the oldest go. */
const messagesMax = 20_000;
const discordEpochMs = 1_420_070_400_000;

export class WebhookTable {
  readonly #webhooks = new Map<string, FakeWebhook>();
  readonly #messages = new Map<string, FakeMessage>();
  #idsGiven = 0;
  #revision = 0;

  add(wanted: NewWebhook = {}): FakeWebhook {
    const id = wanted.id ?? this.#snowflake(Date.now());
    const webhook: FakeWebhook = {
      id,
      token: wanted.token ?? tokenOf(id),
      channelId: wanted.channelId ?? this.#snowflake(Date.now()),
      name: wanted.name ?? 'SSRMS',
      isForum: wanted.isForum ?? false,
      threads: wanted.threads,
      lockedThreads: wanted.lockedThreads ?? [],
      diesAfter: wanted.diesAfter ?? Infinity,
      acceptedCount: 0,
      isDead: false,
    };
    this.#webhooks.set(id, webhook);
    return webhook;
  }

  get(id: string): FakeWebhook | undefined {
    return this.#webhooks.get(id);
  }

  all(): FakeWebhook[] {
    return [...this.#webhooks.values()];
  }

  post(webhook: FakeWebhook, payload: MessagePayload, threadId: string | undefined): FakeMessage {
    const message: FakeMessage = {
      id: this.#snowflake(Date.now()),
      webhookId: webhook.id,
      channelId: threadId ?? webhook.channelId,
      atMs: Date.now(),
      payload,
      editedAtMs: undefined,
      isDeleted: false,
      revision: this.#nextRevision(),
    };
    webhook.acceptedCount += 1;
    if (webhook.acceptedCount >= webhook.diesAfter) webhook.isDead = true;
    this.#messages.set(message.id, message);
    if (this.#messages.size > messagesMax) this.#messages.delete(this.#messages.keys().next().value as string);
    return message;
  }

  /** A message that is there and was this webhook's. */
  message(webhookId: string, id: string): FakeMessage | undefined {
    const message = this.#messages.get(id);
    return message && message.webhookId === webhookId && !message.isDeleted ? message : undefined;
  }

  edit(message: FakeMessage, payload: MessagePayload): void {
    message.payload = { ...message.payload, ...payload };
    message.editedAtMs = Date.now();
    message.revision = this.#nextRevision();
  }

  /** Deletes a message, as somebody in the channel may. */
  deleteMessage(id: string): void {
    const message = this.#messages.get(id);
    if (!message) return;
    message.isDeleted = true;
    message.revision = this.#nextRevision();
  }

  /** The newest `limit` messages that changed after a revision, the oldest first. */
  changedSince(revision: number, limit: number): FakeMessage[] {
    return [...this.#messages.values()].filter((message) => message.revision > revision).slice(-limit);
  }

  clear(): void {
    this.#webhooks.clear();
    this.#messages.clear();
  }

  #nextRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }

  /** A snowflake: 42 bits of time since 2015 and then a number that grows. */
  #snowflake(nowMs: number): string {
    this.#idsGiven += 1;
    return String((BigInt(nowMs - discordEpochMs) << 22n) + BigInt(this.#idsGiven));
  }
}

/** A token of 68 characters that an id always gets, so that a fake started again knows the same webhooks. */
function tokenOf(id: string): string {
  return `fake-token-of-${id}-`.padEnd(68, '0123456789abcdefghijklmnopqrstuvwxyz_-');
}
