import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import { maskedWebhookUrl } from '../../receiver/discord/address.ts';

/** The rules that tell a webhook, by its numeric id. */
export interface RulesOfWebhook {
  readonly webhookId: string;
  /** For people: without the token. */
  readonly maskedUrl: string;
  count: number;
  /** Some of them. */
  readonly ruleIds: Set<string>;
}

/** Rules of one webhook that are known by name. */
const namedMax = 5;

/** Which webhooks the rules in force tell, counted as they change: nobody goes through a million rules to show a few webhooks. */
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

  #add({ rule, webhook }: RuleEntry): void {
    if (webhook === undefined) return;
    const fresh = { webhookId: webhook.id, maskedUrl: maskedWebhookUrl(webhook), count: 0, ruleIds: new Set<string>() };
    const known = this.#byId.get(webhook.id) ?? fresh;
    this.#byId.set(webhook.id, known);
    known.count++;
    if (known.ruleIds.size < namedMax) known.ruleIds.add(rule.id);
  }

  #remove({ rule, webhook }: RuleEntry): void {
    if (webhook === undefined) return;
    const known = this.#byId.get(webhook.id);
    if (known === undefined) return;
    known.count--;
    known.ruleIds.delete(rule.id);
    if (known.count === 0) this.#byId.delete(webhook.id);
  }
}
