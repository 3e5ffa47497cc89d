import { defineConfig } from 'vite';

// Vite only builds; the console service serves the files. The base is relative so that the page also works below a path.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    // The browsers that know light-dark(), which is not to be compiled into something longer.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The page's Content-Security-Policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Screens that are alike come in one file with what they share: many small ones are a fifth longer when packed.
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'looks', test: /page\/(?:alarm-|rule-screen|rule-chart|rule-series|ranges|send-test)/ },
            {
              name: 'lists',
              test: /page\/(?:alarms-screen|fire-strip|paged|past|polled|rule-versions|rule-deliveries|system|timeline|webhook)/,
            },
          ],
        },
      },
    },
  },
});
