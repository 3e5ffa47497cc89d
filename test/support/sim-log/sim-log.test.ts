import { systemClock } from '../../../src/base/clock.ts';
import { logContract } from '../../../src/log/log.contract.ts';
import { Random } from './random.ts';
import { SimGroups, SimLog } from './sim-log.ts';
import { SimStore } from './sim-store.ts';

const store = new SimStore(new Random(1));

logContract('the simulated log', {
  open: async () => new SimLog(new SimGroups(store, systemClock)),
  removeBefore: async (_log, topic, partition, offset) => store.deleteBefore(topic, partition, offset),
});
