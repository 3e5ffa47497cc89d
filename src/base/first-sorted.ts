/**
 * The first items of all in the order of `compare`, and how many there are. Of any number of items it holds a few times the
 * limit, and sorts no more at once.
 */
export function firstSorted<Item>(
  items: Iterable<Item>,
  compare: (one: Item, other: Item) => number,
  limit: number,
): { readonly first: Item[]; readonly total: number } {
  let kept: Item[] = [];
  let total = 0;
  /** Elements after this one cannot be among the first. */
  let last: Item | undefined;
  const cut = (): void => {
    kept = kept.sort(compare).slice(0, limit);
    last = kept.length === limit ? kept.at(-1) : undefined;
  };
  for (const item of items) {
    total++;
    if (last !== undefined && compare(item, last) >= 0) continue;
    kept.push(item);
    if (kept.length >= 4 * limit) cut();
  }
  cut();
  return { first: kept, total };
}
