// Apart from the parser, so that the web page, which makes messages, does not load all that a rule is checked for.

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const ruleIdAllowed = 'must be a UUID v4 or v5 in lower case';

/** Whether a text is an id as rules have them: a UUID in lower case, v4 or, of a rule that was made by its name, v5. */
export function isRuleId(text: string): boolean {
  return uuid.test(text);
}
