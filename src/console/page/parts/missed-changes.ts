/**
 * How many rows came or went between two states of the same part of a list, given as ids in order. A row that only moved in at the end
 * because another one went, or moved out because another one came, does not count.
 */
export function missedChanges(before: readonly string[], after: readonly string[]): number {
  const [was, is] = [new Set(before), new Set(after)];
  const end = (ids: readonly string[], others: ReadonlySet<string>): number =>
    ids.findLastIndex((id) => others.has(id)) + 1;
  const count = (ids: readonly string[], others: ReadonlySet<string>): number =>
    ids.filter((id) => !others.has(id)).length;
  const [beforeEnd, afterEnd] = [end(before, is), end(after, was)];
  const [went, came] = [count(before.slice(0, beforeEnd), is), count(after.slice(0, afterEnd), was)];
  const [outAtEnd, inAtEnd] = [before.length - beforeEnd, after.length - afterEnd];
  return went + came + Math.max(0, outAtEnd - Math.max(0, came - went), inAtEnd - Math.max(0, went - came));
}
