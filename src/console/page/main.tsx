import { render } from 'preact';
import { App } from './app.tsx';
import { handOver, isReturned, startRenewing } from './state/issuer.ts';
import { startKeys } from './state/keys.ts';
import { loadRest } from './parts/lazy.tsx';
import { startLive } from './state/live.ts';
import { startPause } from './state/pause.ts';
import { applyTheme } from './frame/theme.tsx';

applyTheme();
if (isReturned()) handOver();
else start();

function start(): void {
  startLive();
  startKeys();
  startPause();
  startRenewing();
  render(<App />, document.getElementById('page')!);
  // Only after the first screen was painted and has sent its requests.
  setTimeout(loadRest, 1_000);
}
