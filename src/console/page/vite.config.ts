import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/** Functions inside uPlot's constructor. */
const inner = (names: string): RegExp =>
  new RegExp(`(\\n\\tfunction (?:${names})\\([^)]*\\)) \\{\\n[^]*?\\n\\t\\}(?=\\n)`, 'g');

/** Functions outside uPlot's constructor. */
const outer = (names: string): RegExp =>
  new RegExp(`(\\nfunction (?:${names})\\([^)]*\\)) \\{\\n[^]*?\\n\\}(?=\\n)`, 'g');

/**
 * uPlot attaches all line styles to its constructor, so that no bundler can remove the unused ones. It also creates two Intl objects at
 * start, which takes 100 ms on a slow machine. Removed as well: the cursor (`charts/chart-cursor.tsx` is ours), the legend, adding and
 * deleting series, scales that are not linear or not horizontal for times, gaps in lines, labels of axes, plugins, plots in step with each
 * other, the places and texts of times, the texts of values and automatic ranges (`charts/chart.tsx` has them), times in milliseconds,
 * joining tables (`charts/chart-data.ts` does it), and scatter plots (mode 2).
 */
const rewritten: readonly (readonly [from: RegExp, to: string])[] = [
  [/\(paths\.(?:stepped|bars|spline) *= \w+\);/g, ''],
  [/uPlot\.(?:assign|join|fmtNum|range\w+|orient|fmtDate|tzDate|sync|addGap|clipGaps) *= \w+;/g, ''],
  [/const localTz = [^;]+;/g, 'const localTz = undefined;'],
  // Times below a chart are ours.
  [outer('genTimeStuffs|mkDate'), '$1 {}'],
  [/\nconst \[[^\]]+\] *= *genTimeStuffs\(1e-3\);/g, '\nconst timeIncrsS = 0, _timeAxisStampsS = 0;'],
  [/const _timeAxisSplits *= [^;]+;/g, 'const _timeAxisSplits = 0;'],
  [/const _tzDate *= [^;]+;/g, 'const _tzDate = 0;'],
  [outer('numAxisVals|numSeriesVal'), '$1 {}'],
  [/\nconst numFormatter = [^;]+;\nconst fmtNum = [^;]+;/g, '\nconst fmtNum = 0;'],
  [/(showLegend|showCursor) += +(?:legend|cursor)\.show;/g, '$1 = false;'],
  [
    inner('updateCursor|cacheMouse|mouse(?:Move|Down|Up|Leave)|dblClick|syncRect|hideSelect|setFocus|setSelect'),
    '$1 {}',
  ],
  [inner('initLegendRow|syncLegend|setLegend|setLegendValues'), '$1 {}'],
  [inner('addSeries|delSeries|addBand|delBand|toggleDOM'), '$1 {}'],
  [outer('rangeLog|logAxisSplits|asinhAxisSplits|log10AxisValsFilt|log2AxisValsFilt'), '$1 {}'],
  [outer('fmtDate|timeAxisStamps|timeAxisVals?|timeSeriesStamp|timeSeriesVal|_rangeNum'), '$1 {}'],
  // Of a single time, too.
  [/else if \(scaleX\.time\)/g, 'else if (true)'],
  // Every scale has a range of ours, and every line says itself whether its points are shown.
  [outer('getMinMax'), '$1 { return [0, 1]; }'],
  [outer('seriesPointsShow'), '$1 {}'],
  [/const (days3|months3) = [^;]+;/g, 'const $1 = 0;'],
  [/\nconst \[[^\]]+\] = genTimeStuffs\(1\);/g, ''],
  [/\(ms == 1 \? \w+Ms(?:\(_tzDate\))? : (\w+)((?:\(_tzDate\))?)\)/g, '$1$2'],
  [/const ms = opts\.ms \|\| 1e-3;/g, 'const ms = 1e-3;'],
  [/const mode = (?:self|u)\.mode;/g, 'const mode = 1;'],
  // Lines that span gaps, from left to right.
  [/if \(!series\.spanGaps\) \{/g, 'if (false) {'],
  [/const dir = scaleX\.dir \* [^;]+;/g, 'const dir = 1;'],
  [/\b(?:scaleX|sx)\.ori == 0/g, 'true'],
  [/\b(?:\w+\.)?distr\s*(?:==|>=)\s*(?:2|3|4|100)\b/g, 'false'],
  [/\b(?:\w+\.)?distr != 2\b/g, 'true'],
  [/\bsc\.distr == 1\b/g, 'true'],
  [/\baxis\.label != null\b/g, 'false'],
  [/series\.some\(s => s\._focus\)/g, 'false'],
  [/if \(cursor\.dataIdx == null\) \{/g, 'if (false) {'],
  [/\b(?:legend\.live|select\.show)\b/g, 'false'],
  [/\n\t\(opts\.plugins \|\| \[\]\)\.forEach\(p => \{\n[^]*?\n\t\}\);/g, ''],
  [/\n\t\{\n\t\tlegend\.idxs = [^]*?\n\t\}/g, ''],
  [/\n\tconst syncOpts = assign[^]*?(?=\n\tfunction destroy\()/g, ''],
  [/\bsync\.unsub\(self\);/g, ''],
  [inner('setSeries|setSeriesOut'), '$1 {}'],
  [/const legend     = [^;]+;/g, 'const legend = {};'],
  [/const cursor     = [^;]+;/g, 'const cursor = { points: {}, drag: {} };'],
  [/\n\tlet points = cursor\.points;\n[^]*?(?=\n\tconst focus = )/g, ''],
  [/const focus = [^;]+;/g, 'const focus = { alpha: 1, prox: -1 };'],
  [/const cursorOnePt = [^;]+;/g, 'const cursorOnePt = false;'],
  [/\nfunction invalidateRects\(\) \{[^]*?\n\}/g, '\nfunction invalidateRects() {}'],
  [/\bcursorPlots\.delete\(self\);/g, ''],
  // Scales have a range of ours, the plot has a padding, and times and values go right and up.
  [/if \(scaleOpts\.from != null\) \{/g, 'if (false) {'],
  [/\bsc\.from == null\b/g, 'true'],
  [/let rangeIsArr = isArr\(rn\);[^]*?(?=\n\t\t\t\tsc\.range = )/g, ''],
  [/sc\.range = fnOrSelf\(rn [^;]+;/g, 'sc.range = rn;'],
  [/fnOrSelf\(rangeIsArr \? false : sc\.auto\)/g, 'fnOrSelf(sc.auto)'],
  [inner('autoPadSide'), '$1 {}'],
  [/\bxScaleDistr == [234]\b/g, 'false'],
  [/\(opts\.padding \|\| \[[^\]]+\]\)/g, 'opts.padding'],
  [/\b(?:scale|sc)\.dir == -1\b/g, 'false'],
  [/\n\t\tif \(mode == 1 \|\| i > 0\) \{\n\t\t\tlet isTime[^]*?\n\t\t\}/g, ''],
  [
    /\n\tself\.(?:batch|setBand|posToIdx|posToVal|addSeries|delSeries|addBand|delBand|setLegend|setSelect|setSeries) *= *\w+;/g,
    '',
  ],
  [/\n\tself\.valToIdx = [^;]+;/g, ''],
  [/\n\tself\.setCursor = [^]*?\n\t\};/g, ''],
  [/\n\tconst select = self\.select = assign\(\{[^]*?\n\t\}, opts\.select\);/g, '\n\tconst select = {};'],
  [/\n\tObject\.defineProperty\(self, 'rect', \{[^]*?\n\t\}\);/g, ''],
];

const lighterUplot: Plugin = {
  name: 'lighter-uplot',
  transform(code, id) {
    if (!id.endsWith('uPlot.esm.js')) return undefined;
    let written = code;
    for (const [from, to] of rewritten) {
      const before = written;
      written = before.replaceAll(from, to);
      if (written === before) throw new Error(`this version of uPlot has no ${from}`);
    }
    return { code: written, map: null };
  },
};

/**
 * The page shows the help of folded fields alone, leaves it to the server to say what is missing, and evaluates no sample: what serves
 * that alone is left out.
 */
const unusedByPage: Readonly<Record<string, readonly (readonly [from: RegExp, to: string])[]>> = {
  'rule/rule-fields.ts': [
    [/help: (['"`])(?:(?!\1)[^])*\1,(?=\s*form: \{\s*group: 'main')/g, "help: '',"],
    [/\b(required|text): (['"`])(?:(?!\2)[^])*\2/g, "$1: ''"],
  ],
  'rule/comparison.ts': [[/\n {4}unchanged: [^]*?(?=\n {4}(?:recovery|breachIntervals):)/g, '']],
};

const lighterRules: Plugin = {
  name: 'lighter-rules',
  enforce: 'pre',
  transform(code, id) {
    const unused = Object.entries(unusedByPage).find(([file]) => id.endsWith(file))?.[1];
    if (unused === undefined) return undefined;
    let written = code;
    for (const [from, to] of unused) {
      const before = written;
      written = before.replaceAll(from, to);
      if (written === before) throw new Error(`${id} has no ${from}`);
    }
    return { code: written, map: null };
  },
};

/** Otherwise a CSS module whose class names were all inlined would be removed, together with its styles. */
const keptStyles: Plugin = {
  name: 'kept-styles',
  enforce: 'post',
  transform: (code, id) =>
    id.endsWith('.module.css') ? { code, map: null, moduleSideEffects: 'no-treeshake' } : undefined,
};

/** Each class and animation of the CSS modules, as `file name`, in an order that depends only on the sources. */
function classesOfModules(): string[] {
  const files = globSync('**/*.module.css', { cwd: import.meta.dirname });
  const named = files.flatMap((file) => {
    const text = readFileSync(join(import.meta.dirname, file), 'utf8').replaceAll(/\{[^{}]*\}/g, '{}');
    return [...text.matchAll(/(?:\.|@keyframes )([a-z][\w-]*)/g)].map(([, name]) => `${basename(file)} ${name}`);
  });
  return [...new Set(named)].sort();
}

/** The shortest possible names, by the index in that order. */
function shortNames(): (name: string, file: string) => string {
  const classes = classesOfModules();
  return (name, file) => {
    const place = classes.indexOf(`${basename(file)} ${name}`);
    if (place < 0) throw new Error(`${basename(file)} has no ${name}`);
    return `_${place.toString(36)}`;
  };
}

/** The only other script is fetched once the page is idle, so there is nothing to preload. */
const noPreload: Plugin = {
  name: 'no-preload',
  enforce: 'pre',
  load: (id) => (id.endsWith('vite/preload-helper.js') ? 'export const __vitePreload = (load) => load();' : undefined),
};

// Vite only builds; the console service serves the files. The base is relative so that the page also works below a path.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [lighterUplot, lighterRules, keptStyles, noPreload],
  css: { modules: { localsConvention: 'camelCaseOnly', generateScopedName: shortNames() } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    // Browsers with light-dark(), which must not be compiled into something longer.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // The page's Content-Security-Policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: false,
    // One percent smaller than the output of Vite's own minifier.
    minify: 'terser',
    terserOptions: { module: true, compress: { passes: 3, ecma: 2020 } },
    // One file, in the order of the cascade.
    cssCodeSplit: false,
  },
});
