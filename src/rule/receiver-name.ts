/** Names of receivers are part of keys, paths and rules. */
const receiverName = /^[A-Za-z0-9][\w.-]{0,63}$/;
export const receiverNamePattern = receiverName.source;

export function isReceiverName(name: unknown): name is string {
  return typeof name === 'string' && receiverName.test(name);
}

export const receiverNameAllowed = 'must have 1 to 64 letters, digits, -, _ or ., and begin with a letter or digit';

/** The names in a list with commas, as people type it. */
export function namesOf(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
