import { signal, type Signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface Part {
  readonly load: () => void;
}

const parts: Part[] = [];

/**
 * A screen whose code is not in the first script. It is fetched when it is shown, or before that when the page is idle:
 * then it opens at once, even while the server is unreachable.
 */
export function lazy<Props extends object>(read: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const loaded: Signal<{ screen: ComponentType<Props> } | undefined> = signal(undefined);
  const failed = signal(false);
  let isLoading = false;
  const load = (): void => {
    if (isLoading || loaded.value !== undefined) return;
    isLoading = true;
    failed.value = false;
    read()
      .then(
        (screen) => (loaded.value = { screen }),
        () => (failed.value = true),
      )
      .finally(() => (isLoading = false));
  };
  parts.push({ load });
  return function Lazy(props: Props) {
    const isLate = useRef(false);
    useLayoutEffect(() => {
      if (loaded.value === undefined) {
        isLate.current = true;
        load();
      } else if (isLate.current && document.activeElement?.matches('body, main') === true) {
        // Focuses the heading, as for a screen that was loaded already.
        const main = document.getElementById('main')!;
        (main.querySelector<HTMLElement>('[data-first]') ?? main.querySelector('h1'))?.focus();
      }
    }, [loaded.value]);
    if (loaded.value !== undefined) {
      const { screen: Screen } = loaded.value;
      return <Screen {...props} />;
    }
    if (!failed.value) return <p class="hint">Loading…</p>;
    return (
      <div class="empty">
        <h1 tabIndex={-1}>This part of the page could not be loaded</h1>
        <p>The server is unreachable, or runs another version now.</p>
        <button type="button" onClick={load}>
          Try again
        </button>
        <button type="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </div>
    );
  };
}

/** Fetches the code that is still missing, once the page is shown. */
export function loadRest(): void {
  for (const { load } of parts) load();
}
