/** What can go wrong on purpose. A fault is planned for some requests, by their number, webhook or chance. */
export const faultKinds = [
  // Not accepted; the answer is:
  'status',
  'html_status',
  'unknown_webhook',
  'wrong_token',
  'missing_permissions',
  'odd_400',
  'redirect',
  'limited',
  'limited_global',
  'limited_shared',
  'limited_channel_write',
  'limited_body_only',
  'limited_header_only',
  'limited_bare',
  'ban_text',
  'ban_html',
  'ban_code_0',
  'ban_40333',
  'ban_403_html',
  // Not accepted, and no answer:
  'timeout',
  'reset',
  'close',
  'reset_reused',
  'close_reused',
  // Accepted, and the answer comes to grief:
  'accepted_timeout',
  'accepted_reset',
  'accepted_close',
  'accepted_500',
  'accepted_cut_body',
  'accepted_stalled_headers',
  'accepted_slow_body',
  'accepted_huge_body',
  'accepted_huge_headers',
  'accepted_gzip_bomb',
  // A 204, or a 200 that is none: said to be accepted, and lost.
  'not_saved',
  // All is well, later.
  'latency',
] as const;

type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Of `status` and `html_status` (500 when absent), and of `redirect` (302 when absent). */
  readonly status?: number;
  /** Of `redirect`: where to. */
  readonly location?: string;
  /** Of `latency`: how much; of a limit: how long to wait. */
  readonly ms?: number;
  /** Only requests to this webhook. */
  readonly webhookId?: string;
  /** Only requests to this thread; `channel`: only those to none. */
  readonly threadId?: string;
  /** Only requests with these numbers; the first request to any webhook is 1. */
  readonly requests?: readonly number[];
  /** Only requests with these numbers, counted per webhook. */
  readonly requestsOfWebhook?: readonly number[];
  /** Only this method; POST when absent. `*` is any. */
  readonly method?: string;
  /** How often at most. Without end when absent. */
  readonly times?: number;
  /** Only with this chance, from 0 to 1. */
  readonly chance?: number;
}

export interface FaultQuestion {
  readonly webhookId: string;
  readonly threadId: string | undefined;
  readonly method: string;
  readonly request: number;
  readonly requestOfWebhook: number;
  readonly isReusedSocket: boolean;
}

export class FaultPlan {
  #planned: { fault: Fault; left: number }[] = [];
  readonly #chance: () => number;

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  add(faults: readonly Fault[]): void {
    this.#planned.push(...faults.map((fault) => ({ fault, left: fault.times ?? Infinity })));
  }

  clear(): void {
    this.#planned = [];
  }

  /** The first planned fault that this request meets, which is then used up by one. */
  next(question: FaultQuestion): Fault | undefined {
    const met = this.#planned.find(
      ({ fault, left }) => left > 0 && meets(fault, question) && this.#chance() < (fault.chance ?? 1),
    );
    if (met) met.left -= 1;
    return met?.fault;
  }
}

function meets(fault: Fault, question: FaultQuestion): boolean {
  const method = fault.method ?? 'POST';
  return (
    (method === '*' || method === question.method) &&
    (fault.webhookId === undefined || fault.webhookId === question.webhookId) &&
    (fault.threadId === undefined || fault.threadId === (question.threadId ?? 'channel')) &&
    (fault.requests === undefined || fault.requests.includes(question.request)) &&
    (fault.requestsOfWebhook === undefined || fault.requestsOfWebhook.includes(question.requestOfWebhook)) &&
    (!fault.kind.endsWith('_reused') || question.isReusedSocket)
  );
}

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function seededChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
