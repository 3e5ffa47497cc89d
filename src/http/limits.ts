// What one client may use of a process. Each limit is the default of every route; a route that needs another one sets it.

/** A rule with all its fields and 16 tags of the greatest length stays under 24 KiB. */
export const jsonBodyBytesMax = 256 * 1024;

/** A rule has depth 2, a batch of samples 4. A parser is the only thing that deep nesting reaches. */
export const jsonDepthMax = 32;

/** Room for a token of 8 KiB and what proxies add. */
export const headerBytesMax = 16 * 1024;

/** The headers of an honest client come in one packet; a slow loris keeps a connection for no longer than this. */
export const headersTimeoutMs = 10_000;

/** The whole request, its body included. */
export const requestTimeoutMs = 30_000;

/** How often the two above are checked. Node's own interval of 30 s would let a silent connection live for 40 s. */
export const timeoutCheckEveryMs = 1_000;

/** Time for the answer to a request that did not come to reach its client, before the connection is destroyed. */
export const lastAnswerMs = 1_000;

/** Longer than the minute at which the usual proxies give an idle connection up, so that they end it and not we. */
export const keepAliveTimeoutMs = 65_000;

/** Each connection may hold a body in memory. Beyond this, those that wait longest for a request are ended. */
export const connectionsMax = 1_000;

/** Half of all: behind a reverse proxy everybody has its address. */
export const connectionsPerAddressMax = 500;

/** A stopping process must exit within ten seconds, whatever its clients do. */
export const closeTimeoutMs = 8_000;

/** While it stops, connections on which nothing was sent are ended so often: clients open new ones as old ones end. */
export const closeSweepEveryMs = 50;

/** More than people and scripts change by hand; many rules at once go by bulk requests and import, which count a tenth. */
export const changesPerMinute = 600;
/** Rules of one bulk request that count as one change. */
export const bulkRulesPerChange = 10;

/** The longest page of a list. */
export const pageItemsMax = 500;

export const tokenBytesMax = 8 * 1024;
export const keyIdCharactersMax = 200;

/** RFC 7518, section 3.2: a key of HS256 is at least as long as its hash. */
export const secretBytesMin = 32;
