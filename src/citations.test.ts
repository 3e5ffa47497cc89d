// What documents and comments cite must exist: files, headings, and the numbers of invariants, fault tests, rows of the
// alarm's specification and benchmarks. Lines of Markdown are at most 120 characters long.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const markdownLineMax = 120;

const ignored = ['node_modules/**', 'dist/**', '.cache/**', 'data/**'];
const paths = globSync(['*', '{src,test,bench,scripts,docs,bin,.ci,examples}/**/*'], { cwd: root, exclude: ignored });
const documents = paths.filter((path) => path.endsWith('.md'));
const sources = paths.filter((path) => /\.(ts|tsx|mjs|css)$/.test(path) && !path.endsWith('citations.test.ts'));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Whether a file or folder of the repository ends so: `fate.ts` and `notify/fate.ts` both name `src/notify/fate.ts`. */
const endings = new Set(
  paths.flatMap((path) => {
    const parts = path.split('/');
    return parts.map((_, index) => parts.slice(index).join('/'));
  }),
);
const exists = (cited: string, from: string): boolean =>
  endings.has(cited.replace(/^\.\//, '').replace(/\/$/, '')) ||
  paths.includes(normalize(join(dirname(from), cited)).replace(/\/$/, ''));

/** Text without what stands in code fences. */
const withoutFences = (text: string): string => text.replace(/^```[^]*?^```/gm, '');

/** The comments of a source, of one line or many. */
function comments(text: string): string {
  return [...text.matchAll(/\/\*[^]*?\*\/|(?<![:'"`/])\/\/.*/g)].map(([comment]) => comment).join('\n');
}

const fileName = /(?<![\w./:@*{-])(?:[\w.-]+\/)*\w[\w.-]*\.(?:test\.ts|ts|tsx|mjs|md|css|sh)\b(?![/*-])/g;

/** Files that a reader makes when following a document. */
const made = new Set(['otel.mjs', 'influx.mjs', 'src/measure/NAME.ts', 'KIND-kind.ts', 'KIND-receiver.ts']);

function missingFiles(path: string, text: string): string[] {
  return [...text.matchAll(fileName)]
    .map(([cited]) => cited)
    .filter((cited) => !made.has(cited) && !exists(cited, path))
    .map((cited) => `${path} cites ${cited}, which does not exist`);
}

test('documents and comments cite files that exist', () => {
  const missing = [
    ...documents
      .filter((path) => path !== 'CHANGELOG.md')
      .flatMap((path) => missingFiles(path, withoutFences(read(path)))),
    ...sources.flatMap((path) => missingFiles(path, comments(read(path)))),
  ];
  assert.deepEqual(missing, []);
});

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

test('links of documents lead to files and headings that exist', () => {
  const broken: string[] = [];
  for (const path of documents) {
    for (const [, target = ''] of read(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?|mailto):/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const to = file === '' ? path : normalize(join(dirname(path), file));
      if (!paths.includes(to)) broken.push(`${path} links ${target}, which does not exist`);
      else if (anchor !== undefined) {
        const anchors = [...read(to).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));
        if (!anchors.includes(anchor)) broken.push(`${path} links ${target}, a heading that does not exist`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

/** Numbers that may be cited, and the document that defines each. */
const numbered: Record<string, { readonly document: string; readonly defines: RegExp }> = {
  I: { document: 'docs/GUARANTEES.md', defines: /^\| (I\d+) \|/gm },
  F: { document: 'docs/GUARANTEES.md', defines: /^(?:\| )?(F\d+) (?:\||\()/gm },
  A: { document: 'src/alarm/SPEC.md', defines: /\*\*(A\d+)\*\*/g },
  B: { document: 'docs/BENCHMARKS.md', defines: /^\| (B\d+) \|/gm },
};

test('cited numbers of invariants, fault tests, rows and benchmarks are defined', () => {
  const undefinedNumbers: string[] = [];
  for (const [letter, { document, defines }] of Object.entries(numbered)) {
    const defined = new Set([...read(document).matchAll(defines)].map(([, number]) => number));
    assert.ok(defined.size > 10, `${document} defines numbers ${letter}`);
    for (const path of [...documents, ...sources]) {
      const text = path.endsWith('.md') ? read(path) : comments(read(path));
      for (const [number] of text.matchAll(new RegExp(`\\b${letter}\\d{1,2}\\b`, 'g'))) {
        if (!defined.has(number)) undefinedNumbers.push(`${path} cites ${number}, which ${document} does not define`);
      }
    }
  }
  assert.deepEqual(undefinedNumbers, []);
});

test('lines of Markdown are at most 120 characters long, tables, pictures and code aside', () => {
  const long = documents.flatMap((path) =>
    withoutFences(read(path))
      .split('\n')
      .filter((line) => line.length > markdownLineMax && !/^(\||!\[)/.test(line))
      .map((line) => `${path}: ${line}`),
  );
  assert.deepEqual(long, []);
});
