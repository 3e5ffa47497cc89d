import * as css from './tabs.module.css';
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

interface TabsProps<Name extends string> {
  readonly label: string;
  readonly names: readonly Name[];
  readonly selected: Signal<Name>;
  readonly children: ComponentChildren;
}

/** Tabs by the ARIA pattern: arrow keys move to the next tab and show it at once. */
export function Tabs<Name extends string>({ label, names, selected, children }: TabsProps<Name>) {
  const idOf = (name: string): string => `tab-${name.toLowerCase()}`;
  const move = (event: KeyboardEvent, by: number): void => {
    event.preventDefault();
    const next = names[(names.indexOf(selected.value) + by + names.length) % names.length]!;
    selected.value = next;
    document.getElementById(idOf(next))?.focus();
  };
  return (
    <>
      <div class={css.tabs} data-part="tabs" role="tablist" aria-label={label}>
        {names.map((name) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={idOf(name)}
            aria-selected={selected.value === name}
            aria-controls="tab-panel"
            tabIndex={selected.value === name ? 0 : -1}
            onClick={() => (selected.value = name)}
            onKeyDown={(event) => {
              if (event.key === 'ArrowRight') move(event, 1);
              if (event.key === 'ArrowLeft') move(event, -1);
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={idOf(selected.value)}>
        {children}
      </div>
    </>
  );
}
