import { render } from 'preact';
import { App } from './app.tsx';
import { startKeys } from './keys.ts';
import { startLive } from './live.ts';
import { applyTheme } from './theme.tsx';

applyTheme();
startLive();
startKeys();
render(<App />, document.getElementById('page')!);
