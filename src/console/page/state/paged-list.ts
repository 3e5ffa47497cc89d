export interface Page {
  /** The cursor of the next page; undefined: this is the last one. */
  readonly next?: string | undefined;
}

/** How to read an answer. */
export interface PageShape<Item, Answer extends Page> {
  readonly itemsOf: (answer: Answer) => readonly Item[];
  readonly keyOf: (item: Item) => string;
}

/** A list from the server, newest first, as far as it was read. */
export interface PagedList<Item, Answer> {
  readonly items: readonly Item[];
  /** The newest first page. */
  readonly head: Answer;
  /** The cursor of the next page; undefined: there is none. */
  readonly next: string | undefined;
  /** Whether pages after the first were requested. */
  readonly isLong: boolean;
}

/** A list that grows all day is cut back to its first page at this length. */
const itemsMax = 2_000;

/** Merges a newer first page. Older items stay, unless so much is new that the two do not overlap. */
export function withHead<Item, Answer extends Page>(
  before: PagedList<Item, Answer> | undefined,
  answer: Answer,
  { itemsOf, keyOf }: PageShape<Item, Answer>,
): PagedList<Item, Answer> {
  const head = itemsOf(answer);
  const fresh = { items: head, head: answer, next: answer.next, isLong: false };
  if (before?.isLong !== true || before.items.length > itemsMax || answer.next === undefined || head.length === 0)
    return fresh;
  const lastKey = keyOf(head.at(-1)!);
  const keys = new Set(head.map(keyOf));
  // They meet at the page's last item, or, if that one is new in the middle, at the last item that both have.
  const meet = before.items.findLastIndex((item) => keyOf(item) === lastKey);
  const at = meet >= 0 ? meet : before.items.findLastIndex((item) => keys.has(keyOf(item)));
  if (at < 0 || at === before.items.length - 1) return fresh;
  const rest = before.items.slice(at + 1).filter((item) => !keys.has(keyOf(item)));
  return rest.length === 0 ? fresh : { ...before, items: [...head, ...rest], head: answer };
}

/** Appends the next page. */
export function withMore<Item, Answer extends Page>(
  before: PagedList<Item, Answer>,
  answer: Answer,
  { itemsOf, keyOf }: PageShape<Item, Answer>,
): PagedList<Item, Answer> {
  const known = new Set(before.items.map(keyOf));
  const fresh = itemsOf(answer).filter((item) => !known.has(keyOf(item)));
  return { ...before, items: [...before.items, ...fresh], next: answer.next, isLong: true };
}
