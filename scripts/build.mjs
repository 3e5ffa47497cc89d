// Builds what is published: dist/ with JavaScript of src/ and the web page; then asks publint what is wrong with it.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';

const run = (...command) => execFileSync('npx', ['--no-install', ...command], { stdio: 'inherit' });
rmSync('dist', { recursive: true, force: true });
run('tsc', '-p', 'tsconfig.build.json');
execFileSync(process.execPath, ['scripts/build-page.mjs'], { stdio: 'inherit' });
run('publint', '--strict');
