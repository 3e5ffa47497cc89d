import { effect, signal } from '@preact/signals';

/** Whether live data and motion are paused (WCAG 2.2.2). */
export const isPaused = signal(false);

/** The tab is hidden or paused, so nothing needs to be refreshed. */
export const isResting = (): boolean => document.hidden || isPaused.value;

/** Animations pause as well. */
export function startPause(): void {
  effect(() => {
    document.documentElement.dataset['motion'] = isPaused.value ? 'off' : 'on';
  });
}
