import { render } from 'preact';
import { App } from './app.tsx';
import { handOver, isReturned, startRenewing } from './issuer.ts';
import { startKeys } from './keys.ts';
import { loadRest } from './lazy.tsx';
import { startLive } from './live.ts';
import { startPause } from './pause.ts';
import { applyTheme } from './theme.tsx';

applyTheme();
if (isReturned()) handOver();
else start();

function start(): void {
  startLive();
  startKeys();
  startPause();
  startRenewing();
  render(<App />, document.getElementById('page')!);
  // Not before what is shown has been painted, and asked for its data.
  setTimeout(loadRest, 1_000);
}
