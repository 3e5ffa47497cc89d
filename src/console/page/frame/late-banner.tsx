import { addressOf } from '../state/router.ts';
import { lateness } from '../state/lateness.ts';

/** Says on every screen what calm would hide. The announcer tells it to ears. */
export function LateBanner() {
  if (lateness.value === undefined) return null;
  return (
    <p class="banner">
      {lateness.value} <a href={addressOf({ screen: 'system' })}>Open System</a>
    </p>
  );
}
