// A canvas cannot use custom properties: each is resolved by an element that has it as its colour, in the current theme.

/** Tokens of the lines, which differ in lightness as well. */
export const seriesColors = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6'] as const;

let probe: HTMLElement | undefined;

/** The current colour of a token, in a form that a canvas accepts. */
export function colorOf(token: string, alpha = 1): string {
  if (probe === undefined) {
    probe = document.createElement('i');
    probe.hidden = true;
    // Forced colours are opaque; the tokens hold them already.
    probe.style.forcedColorAdjust = 'none';
    document.body.append(probe);
  }
  probe.style.color = `color-mix(in oklab, var(${token}) ${alpha * 100}%, transparent)`;
  return getComputedStyle(probe).color;
}
