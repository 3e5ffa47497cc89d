import { logContract } from '../../../src/log/log.contract.ts';
import { Random } from './random.ts';
import { SimGroups, SimLog } from './sim-log.ts';
import { SimStore } from './sim-store.ts';

logContract('the simulated log', {
  open: async () => new SimLog(new SimGroups(new SimStore(new Random(1)))),
});
