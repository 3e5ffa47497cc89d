import { defineConfig, type Plugin } from 'vite';

/** uPlot hangs all its ways to draw a line on itself, so that no bundler can leave out those that nobody uses. */
const unusedPaths: Plugin = {
  name: 'uplot-without-unused-paths',
  transform(code, id) {
    if (!id.endsWith('uPlot.esm.js')) return undefined;
    const kept = code.replaceAll(
      /\(paths\.(?:stepped|bars|spline) *= \w+\);|uPlot\.(?:assign|fmtNum|range\w+|orient|fmtDate|tzDate|sync|addGap|clipGaps) *= \w+;/g,
      '',
    );
    if (kept === code) throw new Error('this uPlot is written another way: see what of it can be left out now');
    return { code: kept, map: null };
  },
};

// Vite only builds; the console service serves the files. The base is relative so that the page also works below a path.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [unusedPaths],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    // The browsers that know light-dark(), which is not to be compiled into something longer.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The page's Content-Security-Policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
