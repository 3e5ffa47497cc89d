import { Type } from 'typebox';
import type { Rule } from '../rule/rule.ts';
import { ruleInputSchema, ruleSchema } from '../rule/rule-schema.ts';
import { AlarmView } from './alarms.ts';
import { AlarmState, Cause, FieldChange, Group, Next, RuleVersion, Tags } from './fields.ts';
import type { Shape } from './shape.ts';

/** A rule as a client sends it. */
export type RuleInput = Omit<Rule, 'id'> & { readonly id?: string };
export const RuleInput = Type.Unsafe<RuleInput>(ruleInputSchema);

/** A rule as it is stored: `GET /rules/{id}`. */
export const RuleAnswer = Type.Unsafe<Rule>(ruleSchema);

const troubledTarget = {
  state: Type.Enum(['parked', 'failing'], {
    description: 'parked: it refuses, and nothing is sent; failing: its last request failed, and is made again',
  }),
  receiver: Type.Optional(
    Type.String({ description: 'The named receiver; left out for the Discord webhook of the rule' }),
  ),
  reason: Type.String({ description: 'What the receiver answered, or why there was no answer' }),
  since: Type.String({ description: 'ISO 8601' }),
  tries: Type.Optional(Type.Integer({ description: 'Requests since then; of a failing one' })),
  next_probe: Type.String({ description: 'When it is retried, as ISO 8601' }),
};
export const TroubledTarget = Type.Object(troubledTarget);
export type TroubledTarget = Shape<typeof TroubledTarget>;

/** Why nothing arrives at a target of a rule: its Discord webhook, otherwise the first receiver in `notify`. */
const TroubledDelivery = Type.Object({
  ...troubledTarget,
  also: Type.Optional(
    Type.Array(TroubledTarget, { description: 'Further targets of the rule that are parked or failing' }),
  ),
});
export type TroubledDelivery = Shape<typeof TroubledDelivery>;

/** A rule of `GET /rules`. */
export type ListedRule = Rule & { readonly delivery?: TroubledDelivery };
export const ListedRule = Type.Unsafe<ListedRule>({
  ...ruleSchema,
  title: 'ListedRule',
  properties: { ...ruleSchema.properties, delivery: TroubledDelivery },
});

/** A rule with its state and its most important figures. */
export const RuleView = Type.Object({
  rule: Type.Unsafe<Rule>({ ...ruleSchema, description: 'The webhook is masked' }),
  state: Type.Enum(['firing', 'pending', 'ok', 'disabled']),
  firing: Type.Integer(),
  pending: Type.Integer(),
  series: Type.Integer(),
  worst: Type.Optional(AlarmView),
  is_seen: Type.Boolean({ description: 'Whether a sample that it evaluates was seen since the console started' }),
  value: Type.Optional(Type.Number({ description: 'The compared value of the series closest to firing' })),
  is_window_held: Type.Optional(
    Type.Literal(false, { description: 'Its window is longer than what is held here: `value` is left out' }),
  ),
  value_ms: Type.Optional(Type.Number()),
  is_old: Type.Optional(
    Type.Literal(true, {
      description: 'All its series have been silent for longer than usual: `value` is not current',
    }),
  ),
  value_tags: Type.Optional(Tags),
  spark: Type.Optional(Type.Array(Type.Number(), { description: 'The last values of that series, newest last' })),
  window_samples: Type.Optional(Type.Integer({ description: 'In its window' })),
  cooldown_left_ms: Type.Optional(Type.Number()),
  deferred: Type.Optional(Type.Integer({ description: 'Alarms whose notification is deferred by the cooldown' })),
  fires_24h: Type.Integer({ description: 'How often it fired in 24 hours, to a quarter of an hour' }),
  delivery: Type.Optional(
    Type.Object({
      outcome: Type.String(),
      at_ms: Type.Number(),
      took_ms: Type.Optional(Type.Number({ description: "Until Discord's answer" })),
      attempts: Type.Integer(),
      reason: Type.Optional(Type.String()),
    }),
  ),
});
export type RuleView = Shape<typeof RuleView>;

/** `GET /api/v1/rules` */
export const RulesFound = Type.Object({
  time_ms: Type.Number(),
  rules: Type.Array(RuleView),
  next: Type.Optional(
    Type.String({
      description: 'The next page is read with after=. One answer looks at so many rules: it may hold few of many',
    }),
  ),
  total: Type.Optional(Type.Integer({ description: 'How many match, where that is known: of few, and of all rules' })),
});
export type RulesFound = Shape<typeof RulesFound>;

/** `GET /api/v1/rules/ids` */
export const RuleIdsFound = Type.Object({
  ids: Type.Array(Type.String()),
  next: Next,
  total: Type.Optional(Type.Integer()),
});
export type RuleIdsFound = Shape<typeof RuleIdsFound>;

/** A series of a rule. */
export const RuleSeriesView = Type.Object({
  tags: Type.Optional(Tags),
  group: Type.Optional(Group),
  state: AlarmState,
  since_ms: Type.Optional(Type.Number({ description: 'Since when it is firing or pending' })),
  cause: Type.Optional(Cause),
  alarm_id: Type.Optional(Type.String()),
  value: Type.Optional(
    Type.Number({
      description: 'The compared value; left out: not seen since the console started, or its window is not held',
    }),
  ),
  is_window_held: RuleView.properties.is_window_held,
  value_ms: Type.Optional(Type.Number()),
  is_old: Type.Optional(
    Type.Literal(true, { description: 'It has been silent for longer than usual: `value` is not current' }),
  ),
  past_threshold: Type.Optional(Type.Number({ description: 'How far past the threshold; below 0: how far is left' })),
  spark: Type.Optional(Type.Array(Type.Number(), { description: 'Its last values, newest last' })),
});
export type RuleSeriesView = Shape<typeof RuleSeriesView>;

/** `GET /api/v1/rules/{id}/state` */
export const RuleStateView = Type.Object({
  time_ms: Type.Number(),
  version: RuleVersion,
  ...RuleView.properties,
  fires: Type.Object(
    { bucket_ms: Type.Integer(), counts: Type.Array(Type.Integer()) },
    { description: 'How often it fired in each quarter of an hour of the last day, oldest first' },
  ),
  nearest: Type.Array(RuleSeriesView, {
    description: 'Firing, then pending, then closest to the threshold; of each what is current first',
  }),
  nearest_total: Type.Integer({ description: 'Series that are known; `nearest` is cut at the limit' }),
});
export type RuleStateView = Shape<typeof RuleStateView>;

export const RuleVersionView = Type.Object({
  partition: Type.Integer(),
  offset: Type.Integer(),
  at_ms: Type.Number(),
  rule: RuleAnswer,
  changes: Type.Array(FieldChange, { description: 'The difference from the version before, as far as it is held' }),
  author: Type.Optional(Type.String({ description: 'Who made it, for readers with audit:read; left out: not known' })),
});
export type RuleVersionView = Shape<typeof RuleVersionView>;

/** `GET /api/v1/rules/{id}/versions` */
export const RuleVersionsView = Type.Object({ versions: Type.Array(RuleVersionView) });
export type RuleVersionsView = Shape<typeof RuleVersionsView>;
