// Which rows of a long list are in the window. All have one height, so that the position of any of a million can be computed.

/** Browsers draw no element much taller than this; a longer list is scrolled in larger steps. */
const tallestPx = 8_000_000;
/** Rows kept above and below the window, for Tab and for fast scrolling. */
export const rowsAround = 8;

export interface VirtualRows {
  readonly heightPx: number;
  readonly first: number;
  /** The first row after the shown ones. */
  readonly last: number;
  /** The position of a row in the list. */
  readonly topOf: (rank: number) => number;
  /** How far the list must be scrolled so that a row is the first one in the window. */
  readonly scrollFor: (rank: number) => number;
}

/** `scrolledPx`: how much of the list is above the window; negative: how far down in the window the list starts. */
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
