// What a row of the table of a rule's fields may say, by the kind of the field.
import type { AggregateWhere, DivideBy } from './aggregate.ts';
import type { ForSamples } from './for-samples.ts';
import type { Labels, Rule, RuleLevel } from './rule.ts';

export type FieldName = Exclude<keyof Rule, 'id'>;

/** What the editor needs to show an input. */
export interface FormSpec {
  readonly group: FormGroup;
  readonly label: string;
  /** Below an input of the sentence; folded ones have `help` there. */
  readonly hint?: string;
  readonly placeholder?: string;
  readonly width?: 'short' | 'middle' | 'long';
}

/** `main` stands in the editor's sentence; the others are folded, in this order. */
export type FormGroup = 'main' | 'timing' | 'groups' | 'notifications' | 'details';

interface CommonSpec {
  /** What the field means, in a sentence: for OpenAPI and the documentation. */
  readonly help: string;
  readonly form: FormSpec;
  /** Of a required field: how the message ends that says it is missing. */
  readonly required?: string;
  /** Required unless one of these fields is given; `text` ends the message that says it is missing. */
  readonly requiredUnless?: { readonly fields: readonly FieldName[]; readonly text: string };
  /** In no log, error, topic but `rules`, or page; see `isSecretField`. */
  readonly isSecret?: true;
}

export interface MetricNameSpec extends CommonSpec {
  readonly kind: 'metric_name';
}

export interface WebhookSpec extends CommonSpec {
  readonly kind: 'discord_webhook';
  readonly charactersMax: number;
  readonly isSecret: true;
}

export interface TextSpec extends CommonSpec {
  readonly kind: 'text';
  readonly charactersMax: number;
}

/** A line of text: not empty, without control characters, and no blanks at its ends. */
export interface LineSpec extends CommonSpec {
  readonly kind: 'line';
  readonly charactersMax: number;
}

/** An https URL. */
export interface UrlSpec extends CommonSpec {
  readonly kind: 'url';
  readonly charactersMax: number;
}

export interface NumberSpec extends CommonSpec {
  readonly kind: 'number';
  readonly default?: number;
  /** Exclusive. */
  readonly above?: number;
  readonly least?: number;
  readonly most?: number;
  readonly isWhole?: true;
  readonly unit?: 's';
}

export interface ChoiceSpec<Value extends string = string> extends CommonSpec {
  readonly kind: 'choice';
  /** Undefined when nothing is chosen unless its author chooses. */
  readonly default?: Value;
  /** Each value, and how the form calls it. */
  readonly choices: Readonly<Record<Value, string>>;
}

export interface FlagSpec extends CommonSpec {
  readonly kind: 'flag';
  readonly default: boolean;
}

export interface TagsSpec extends CommonSpec {
  readonly kind: 'tags';
}

export interface LabelsSpec extends CommonSpec {
  readonly kind: 'labels';
}

export interface ReceiversSpec extends CommonSpec {
  readonly kind: 'receivers';
  readonly namesMax: number;
}

/** A list of tag names. */
export interface TagNamesSpec extends CommonSpec {
  readonly kind: 'tag_names';
  readonly namesMax: number;
}

/** A comparison with an operator and a threshold of its own. */
export interface WhereSpec extends CommonSpec {
  readonly kind: 'where';
}

/** How many of the newest values must be in breach. */
export interface SamplesSpec extends CommonSpec {
  readonly kind: 'samples';
}

/** Several thresholds. */
export interface LevelsSpec extends CommonSpec {
  readonly kind: 'levels';
  readonly least: number;
  readonly most: number;
}

/** The second value of a ratio. */
export interface RatioSpec extends CommonSpec {
  readonly kind: 'ratio';
}

export type FieldSpec =
  | MetricNameSpec
  | WebhookSpec
  | TextSpec
  | LineSpec
  | UrlSpec
  | NumberSpec
  | ChoiceSpec
  | FlagSpec
  | TagsSpec
  | LabelsSpec
  | ReceiversSpec
  | TagNamesSpec
  | WhereSpec
  | SamplesSpec
  | LevelsSpec
  | RatioSpec;
export type FieldKind = FieldSpec['kind'];
export type SpecOf<Kind extends FieldKind> = Extract<FieldSpec, { kind: Kind }>;

/** The specs that a field with values of this type may have. In brackets, since a union is one type here. */
type SpecFor<Value> = [Value] extends [boolean]
  ? FlagSpec
  : [Value] extends [number]
    ? NumberSpec
    : [Value] extends [string]
      ? string extends Value
        ? MetricNameSpec | WebhookSpec | TextSpec | LineSpec | UrlSpec
        : ChoiceSpec<Value>
      : [Value] extends [readonly string[]]
        ? ReceiversSpec | TagNamesSpec
        : [Value] extends [AggregateWhere]
          ? WhereSpec
          : [Value] extends [readonly RuleLevel[]]
            ? LevelsSpec
            : [Value] extends [ForSamples]
              ? SamplesSpec
              : [Value] extends [Labels]
                ? LabelsSpec
                : [DivideBy] extends [Value]
                  ? RatioSpec
                  : TagsSpec;

/** A required field says so, and an optional one does not. */
export type Row<Field extends FieldName> = SpecFor<NonNullable<Rule[Field]>> &
  (undefined extends Rule[Field] ? { readonly required?: never } : { readonly required: string });
