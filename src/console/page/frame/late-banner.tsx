import { addressOf } from '../state/router.ts';
import { lateness } from '../state/lateness.ts';

/** Says on every screen that evaluation is late or has stopped. The announcer says it to screen readers. */
export function LateBanner() {
  if (lateness.value === undefined) return null;
  return (
    <p class="banner">
      {lateness.value} <a href={addressOf({ screen: 'system' })}>Open System</a>
    </p>
  );
}
