// Builds the web page into dist/page, each file beside its brotli and gzip forms, which the console service sends to whoever
// accepts them.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';

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
