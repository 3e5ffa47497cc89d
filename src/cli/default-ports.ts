/** The services that `ssrms` runs, and the port that each listens on unless PORT says another. */
export const defaultPortOf = { up: 9090, rules: 5001, ingest: 5002, alarms: 5003, console: 5004 } as const;
