// The rule in the form as the API accepts it: editable JSON, and a command for a terminal.
import * as css from './rule-text.module.css';
import { useSignal } from '@preact/signals';
import type { Rule } from '../../../rule/rule.ts';
import type { Form } from './fields.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { draftOf, type RuleDraft } from './rule-draft.ts';
import { fieldNames, isField } from '../../../rule/rule-fields.ts';

/** Updates the form as far as the text is a rule, and shows at once what is wrong with it. */
export function RuleJson({ form, fields }: { readonly form: Form; readonly fields: Record<string, unknown> }) {
  const text = useSignal(textOf(fields));
  const problem = useSignal('');
  const isMine = useSignal(false);
  const shown = isMine.value ? text.value : textOf(fields);
  const read = (typed: string): void => {
    text.value = typed;
    isMine.value = true;
    const found = ruleOf(typed, form.draft.value.unknown);
    problem.value = typeof found === 'string' ? found : '';
    if (typeof found !== 'string') form.draft.value = draftOf(found);
  };
  return (
    <div class={`card ${css.ruleText} field`}>
      <label for="rule-json">The rule as JSON</label>
      <textarea
        id="rule-json"
        rows={14}
        spellcheck={false}
        value={shown}
        aria-invalid={problem.value !== ''}
        aria-describedby={problem.value === '' ? undefined : 'rule-json-error'}
        onInput={(event) => read(event.currentTarget.value)}
        onBlur={() => problem.value === '' && (isMine.value = false)}
      />
      {problem.value !== '' && (
        <p class="error" id="rule-json-error">
          {problem.value}
        </p>
      )}
      <CopyButton text={shown} isSmall />
    </div>
  );
}

/** The same as a curl command; the user has to add the token. */
export function RuleCurl({
  id,
  fields,
}: {
  readonly id: string | undefined;
  readonly fields: Record<string, unknown>;
}) {
  const text = curlOf(new URL('../', document.baseURI).href, id, fields);
  return (
    <div class={`card ${css.ruleText}`}>
      <pre tabIndex={0} role="region" aria-label="The rule as a curl command">
        {text}
      </pre>
      <p class="hint">
        The command contains the webhook's URL, which is a secret. If tokens are configured, put one into{' '}
        <code>SSRMS_TOKEN</code>.
      </p>
      <CopyButton text={text} isSmall />
    </div>
  );
}

export function curlOf(root: string, id: string | undefined, fields: Record<string, unknown>): string {
  const address = `${root}rules${id === undefined ? '' : `/${id}`}`;
  // Inside single quotes a shell interprets only the next single quote.
  const body = JSON.stringify(fields).replaceAll("'", String.raw`'\''`);
  const lines = [
    `curl -X ${id === undefined ? 'POST' : 'PUT'} '${address}'`,
    `-H 'Content-Type: application/json'`,
    `-H "Authorization: Bearer $SSRMS_TOKEN"`,
    `-d '${body}'`,
  ];
  return lines.join(' \\\n  ');
}

const textOf = (fields: Record<string, unknown>): string => JSON.stringify(fields, undefined, 2);

/** The rule in a text, or why the form cannot show it. `kept`: fields of a newer server. The server validates values. */
function ruleOf(text: string, kept: RuleDraft['unknown']): Partial<Rule> | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `Not JSON: ${(error as Error).message}`;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return 'A rule is a JSON object.';
  const unknown = Object.keys(json).filter((field) => field !== 'id' && !isField(field) && !Object.hasOwn(kept, field));
  if (unknown.length > 0)
    return `${unknown.join(', ')}: not a field of a rule. The fields are ${fieldNames.join(', ')}.`;
  return json;
}
