// Builds the web page into dist/page, each file beside its brotli and gzip forms, which the console service sends to whoever
// accepts them. Usage: node scripts/build-page.mjs [--if-older]
// --if-older: only when something in src/ is newer than what was built. Tests and `npm start` share one build so.
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

process.chdir(join(import.meta.dirname, '..'));
if (!process.argv.includes('--if-older') || isOlder()) build();

function isOlder() {
  const built = 'dist/page/index.html';
  return !existsSync(built) || statSync(built).mtimeMs <= newestChange('src');
}

function newestChange(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}

function build() {
  console.error('ssrms: building the web page …');
  execFileSync(
    'npx',
    ['--no-install', 'vite', 'build', '--logLevel', 'warn', '--config', 'src/console/page/vite.config.ts'],
    { stdio: ['ignore', 2, 2] },
  );
  for (const file of globSync('dist/page/**/*.{html,js,css,svg}')) {
    const content = readFileSync(file);
    writeFileSync(`${file}.br`, brotliCompressSync(content));
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  }
}
