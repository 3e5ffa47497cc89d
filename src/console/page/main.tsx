import { render } from 'preact';
import { App } from './app.tsx';
import { startKeys } from './keys.ts';
import { loadRest } from './lazy.tsx';
import { startLive } from './live.ts';
import { startPause } from './pause.ts';
import { applyTheme } from './theme.tsx';

applyTheme();
startLive();
startKeys();
startPause();
render(<App />, document.getElementById('page')!);
// Not before what is shown has been painted, and asked for its data.
setTimeout(loadRest, 1_000);
