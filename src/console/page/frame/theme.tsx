import { signal } from '@preact/signals';

const names = ['system', 'light', 'dark'] as const;
type Theme = (typeof names)[number];

const stored = localStorage.getItem('ssrms-theme');
const theme = signal<Theme>(names.find((name) => name === stored) ?? 'system');

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = theme.value;
}

const glyphs: Record<Theme, string> = { system: '◐', light: '☀', dark: '☾' };

/** Cycles through the three themes; the choice is kept in this browser. */
export function ThemeButton() {
  const next = names[(names.indexOf(theme.value) + 1) % names.length]!;
  const choose = (): void => {
    theme.value = next;
    localStorage.setItem('ssrms-theme', next);
    applyTheme();
  };
  return (
    <button
      type="button"
      class="quiet icon"
      onClick={choose}
      aria-label={`Theme: ${theme.value}. Change to ${next}`}
      title={`Theme: ${theme.value}`}
    >
      <span aria-hidden="true">{glyphs[theme.value]}</span>
    </button>
  );
}
