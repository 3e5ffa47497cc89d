import { effect, signal } from '@preact/signals';

/** Whether everything that moves by itself stands still, because somebody wants to read (WCAG 2.2.2). */
export const isPaused = signal(false);

/** Nobody looks, or nobody wants anything to change: what is shown need not be asked for again. */
export const isResting = (): boolean => document.hidden || isPaused.value;

/** Animations stop with it. */
export function startPause(): void {
  effect(() => {
    document.documentElement.dataset['motion'] = isPaused.value ? 'off' : 'on';
  });
}
