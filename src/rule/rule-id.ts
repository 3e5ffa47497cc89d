// Apart from the parser, so that the web page, which makes messages, does not load all that a rule is checked for.

const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text is an id as rules have them: a UUID v4 in lower case. */
export function isRuleId(text: string): boolean {
  return uuidV4.test(text);
}
