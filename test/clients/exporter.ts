import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A page for scrapers, with one value; says when it has shown a value for the first time. */
export async function startExporter(metric: string) {
  let value = 1;
  let shownAtMs = 0;
  const server = createServer((_request, response) => {
    if (value > 1 && shownAtMs === 0) shownAtMs = performance.now();
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`# TYPE ${metric} gauge\n${metric}{hall="north"} ${value}\nnever_a_number NaN\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    scrapeConfigs: `scrape_configs:\n  - job_name: hall\n    static_configs:\n      - targets: ["127.0.0.1:${(server.address() as AddressInfo).port}"]\n`,
    breach: () => (value = 97),
    shownAtMs: () => shownAtMs,
    close: () => new Promise((resolve) => server.close(resolve)).then(() => server.closeAllConnections()),
  };
}
