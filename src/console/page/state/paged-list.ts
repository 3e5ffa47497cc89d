export interface Page {
  /** Where the page behind begins; left out: there is none. */
  readonly next?: string | undefined;
}

/** What is in an answer. */
export interface PageShape<Item, Answer extends Page> {
  readonly itemsOf: (answer: Answer) => readonly Item[];
  readonly keyOf: (item: Item) => string;
}

/** A list of the server's, newest first, as far as it was read. */
export interface PagedList<Item, Answer> {
  readonly items: readonly Item[];
  /** The newest first page. */
  readonly head: Answer;
  /** Where the next page begins; undefined: there is none. */
  readonly next: string | undefined;
  /** Whether pages behind the first were asked for. */
  readonly isLong: boolean;
}

/** Of a list that grows all day the first page is shown again when it has come to so many. */
const itemsMax = 2_000;

/** The list with a newer first page. What stands behind it stays, unless so much is new that the two do not meet. */
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
  // Where the two meet: at the last item of the page, or, when that one is new in the middle, at the last that both know.
  const meet = before.items.findLastIndex((item) => keyOf(item) === lastKey);
  const at = meet >= 0 ? meet : before.items.findLastIndex((item) => keys.has(keyOf(item)));
  if (at < 0 || at === before.items.length - 1) return fresh;
  const rest = before.items.slice(at + 1).filter((item) => !keys.has(keyOf(item)));
  return rest.length === 0 ? fresh : { ...before, items: [...head, ...rest], head: answer };
}

/** The list with the page behind it. */
export function withMore<Item, Answer extends Page>(
  before: PagedList<Item, Answer>,
  answer: Answer,
  { itemsOf, keyOf }: PageShape<Item, Answer>,
): PagedList<Item, Answer> {
  const known = new Set(before.items.map(keyOf));
  const fresh = itemsOf(answer).filter((item) => !known.has(keyOf(item)));
  return { ...before, items: [...before.items, ...fresh], next: answer.next, isLong: true };
}
