import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import { maskedWebhookUrl } from '../../receiver/discord/address.ts';
import { targetKeysOf } from '../../receiver/receiver-config.ts';

/** The rules that notify a webhook or a named receiver. */
export interface RulesOfWebhook {
  /** The key on `notifications`: a webhook's numeric id, or a receiver's key. */
  readonly webhookId: string;
  /** Of a webhook, without the token. */
  readonly maskedUrl: string | undefined;
  count: number;
  /** Some of them. */
  readonly ruleIds: Set<string>;
}

/** Rules of one target that are listed by id. */
const namedMax = 5;

/** What the rules in force notify, counted as they change, so that showing a few webhooks needs no walk through a million rules. */
export class WebhookRules {
  readonly #byId = new Map<string, RulesOfWebhook>();

  constructor(rules: RuleFeed) {
    rules.subscribe((change) => {
      if (change.kind !== 'set' && change.kind !== 'deleted') return;
      if (change.before !== undefined) this.#remove(change.before);
      if (change.kind === 'set') this.#add(change.entry);
    });
  }

  get(webhookId: string): RulesOfWebhook | undefined {
    return this.#byId.get(webhookId);
  }

  values(): IterableIterator<RulesOfWebhook> {
    return this.#byId.values();
  }

  #add(entry: RuleEntry): void {
    for (const key of targetKeysOf(entry)) {
      const known = this.#byId.get(key) ?? rulesOf(key, entry);
      this.#byId.set(key, known);
      known.count++;
      if (known.ruleIds.size < namedMax) known.ruleIds.add(entry.rule.id);
    }
  }

  #remove(entry: RuleEntry): void {
    for (const key of targetKeysOf(entry)) {
      const known = this.#byId.get(key);
      if (known === undefined) continue;
      known.count--;
      known.ruleIds.delete(entry.rule.id);
      if (known.count === 0) this.#byId.delete(key);
    }
  }
}

function rulesOf(key: string, { webhook }: RuleEntry): RulesOfWebhook {
  const maskedUrl = webhook?.id === key ? maskedWebhookUrl(webhook) : undefined;
  return { webhookId: key, maskedUrl, count: 0, ruleIds: new Set() };
}
