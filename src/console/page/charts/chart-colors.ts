// A canvas knows no custom properties: each is asked of an element that has it as its colour, and is as the theme wants it.

/** Tokens of the lines, told apart by lightness, too. */
export const seriesColors = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6'] as const;

let probe: HTMLElement | undefined;

/** The colour that a token stands for now, as any canvas takes it. */
export function colorOf(token: string, alpha = 1): string {
  if (probe === undefined) {
    probe = document.createElement('i');
    probe.hidden = true;
    // Forced colours are opaque; the tokens are the forced ones already.
    probe.style.forcedColorAdjust = 'none';
    document.body.append(probe);
  }
  probe.style.color = `color-mix(in oklab, var(${token}) ${alpha * 100}%, transparent)`;
  return getComputedStyle(probe).color;
}
