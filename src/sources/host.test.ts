import { test } from 'node:test';
import assert from 'node:assert/strict';
import { HostReader, trafficOf } from './host.ts';

test('the machine is read: shares are between 0 and 100, from the first time on', async () => {
  const reader = new HostReader();
  for (let time = 0; time < 2; time++) {
    const figures = await reader.read();
    const found = Object.fromEntries(figures.map(({ name, value }) => [name, value]));
    for (const name of ['cpu-percent', 'memory-percent', 'disk-percent']) {
      assert.ok(found[name]! >= 0 && found[name]! <= 100, `${name} is ${found[name]}`);
    }
    assert.ok(found['memory-percent']! > 0);
    for (const { value } of figures) assert.ok(Number.isFinite(value) && value >= 0);
  }
});

test("the kernel's table of interfaces is added up without the loopback", () => {
  const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 900      10    0    0    0     0          0         0  900      10    0    0    0     0       0          0
  eth0: 1000     5    0    0    0     0          0         0 2000       6    0    0    0     0       0          0
 wlan0:30       1    0    0    0     0          0         0       4       1    0    0    0     0       0          0
`;
  assert.deepEqual(trafficOf(table), { received: 1_030, sent: 2_004 });
});
