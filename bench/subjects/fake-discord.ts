// A Discord that takes everything at once, in a process of its own: it notes when the head of each request came, and which
// alarms the message told of. Prints its address; `take` on its standard input prints the arrivals since the last one.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onCommand } from '../support/commands.ts';
import { alarmsIn, type Arrivals } from '../support/detection.ts';
import { nowNs } from '../support/open-loop.ts';

let arrivals: [number, number][] = [];
let messages = 0;
const server = createServer((request, response) => {
  const headNs = nowNs();
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    // Alertmanager's own webhook names its alerts in labels.
    const found = request.url === '/alertmanager' ? labelled(body) : alarmsIn(body);
    for (const alarm of found) arrivals.push([alarm, headNs]);
    response.writeHead(200, { 'content-type': 'application/json' }).end(`{"id":"${1_000_000 + messages++}"}`);
  });
});

function labelled(body: string): number[] {
  const { alerts } = JSON.parse(body) as { alerts: { labels: { series?: string } }[] };
  return alerts.map(({ labels }) => Number(labels.series));
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
onCommand({
  take() {
    console.log(JSON.stringify({ arrivals } satisfies Arrivals));
    arrivals = [];
  },
});
