// Which rows of a long list stand on the screen. All have one height, so that any of a million is found by counting.

/** Browsers draw no element that is much taller; a longer list is scrolled through in larger steps. */
const tallestPx = 8_000_000;
/** Rows beyond either edge of the screen: the next stops of Tab, and what a quick hand would see missing. */
export const rowsBeyond = 8;

export interface VirtualRows {
  readonly heightPx: number;
  readonly first: number;
  /** The first that is not shown. */
  readonly last: number;
  /** Where a row stands in the list. */
  readonly topOf: (rank: number) => number;
  /** How far the list has to be scrolled for a row to be the first one on the screen. */
  readonly scrollFor: (rank: number) => number;
}

/** `scrolledPx`: how much of the list is above the screen; below 0, how far down the screen the list begins. */
export function virtualRows(list: {
  readonly count: number;
  readonly rowPx: number;
  readonly screenPx: number;
  readonly scrolledPx: number;
  readonly beyond: number;
}): VirtualRows {
  const { count, rowPx, screenPx, beyond } = list;
  const wholePx = count * rowPx;
  const heightPx = Math.min(wholePx, tallestPx);
  const reachPx = Math.max(1, heightPx - screenPx);
  const scrolledPx = Math.min(Math.max(0, list.scrolledPx), reachPx);
  const scale = heightPx < wholePx ? (wholePx - screenPx) / reachPx : 1;
  const abovePx = scrolledPx * scale;
  const belowPx = abovePx + screenPx + Math.min(0, list.scrolledPx);
  const first = Math.max(0, Math.floor(abovePx / rowPx) - beyond);
  return {
    heightPx,
    first,
    last: Math.min(count, Math.max(0, Math.ceil(belowPx / rowPx)) + beyond),
    topOf: (rank) => scrolledPx + rank * rowPx - abovePx,
    scrollFor: (rank) => Math.min(reachPx, (rank * rowPx) / scale),
  };
}
