// How much a browser loads: the size of the built page, packed with gzip.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { builtPage } from './testing/built-page.ts';

/** In kB, packed. */
const budget = { script: 86, firstScript: 60, style: 12 };

const pageDir = builtPage();

const packedKb = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + gzipSync(readFileSync(join(pageDir, name)), { level: 9 }).length, 0) / 1_000;

/** The scripts that are loaded before the first screen: those of the HTML, and their static imports. */
function firstScripts(): string[] {
  const html = readFileSync(join(pageDir, 'index.html'), 'utf8');
  const found = new Set([...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]!));
  for (const name of found) {
    const text = readFileSync(join(pageDir, name), 'utf8');
    const statements = text.matchAll(/(?:^|[;}\n])\s*(?:import|export)[^'"();]*?["']\.\/([^"']+\.js)["']/g);
    for (const [, imported] of statements) found.add(`assets/${imported!}`);
  }
  return [...found];
}

test('scripts and styles are within their budget', () => {
  const scripts = globSync('assets/*.js', { cwd: pageDir });
  const first = firstScripts();
  assert.ok(first.length > 0 && first.length < scripts.length, `${first.join(', ')} of ${scripts.length}`);
  const weighed = {
    script: packedKb(scripts),
    firstScript: packedKb(first),
    style: packedKb(globSync('assets/*.css', { cwd: pageDir })),
  };
  for (const [what, most] of Object.entries(budget)) {
    const is = weighed[what as keyof typeof budget];
    assert.ok(is <= most, `${what}: ${is.toFixed(1)} kB of ${most}`);
  }
});

test('the page refers to no other host, and contains nothing that the policy forbids', () => {
  for (const name of globSync(['index.html', 'assets/*.{js,css,svg}'], { cwd: pageDir })) {
    const text = readFileSync(join(pageDir, name), 'utf8');
    const elsewhere = [...text.matchAll(/(?:src|href|url)\s*[=(]\s*["']?(https?:)?\/\/[^"')\s]+/g)].map(
      ([whole]) => whole,
    );
    assert.deepEqual(elsewhere, [], name);
  }
  const html = readFileSync(join(pageDir, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)|<style|\son\w+=/, 'nothing inline');
});

test('components use exactly the classes of their CSS modules', () => {
  const page = join(import.meta.dirname, 'page');
  for (const name of globSync('**/*.module.css', { cwd: page })) {
    const css = readFileSync(join(page, name), 'utf8').replaceAll(
      /\/\*[^]*?\*\/|:global\([^)]*\)|[\w-]+\s*:[^;{}]*;/g,
      '',
    );
    const component = readFileSync(join(page, name.replace('.module.css', '.tsx')), 'utf8');
    const camel = (each: string): string =>
      each.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    const there = new Set([...css.matchAll(/\.([a-z][\w-]*)/g)].map(([, each]) => camel(each!)));
    const taken = new Set([...component.matchAll(/\bcss\.(\w+)/g)].map(([, each]) => each!));
    assert.deepEqual([...taken].sort(), [...there].sort(), name);
  }
});
