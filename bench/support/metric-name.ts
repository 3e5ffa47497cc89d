/** The names of the benchmarks' series, about 22 bytes long. */
export function metricName(index: number): string {
  return `cpu-usage-server-${index}`;
}
