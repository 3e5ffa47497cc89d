// Builds what is published: dist/ with JavaScript of src/ and the web page; then asks publint what is wrong with it.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';

const run = (...command) => execFileSync('npx', ['--no-install', ...command], { stdio: 'inherit' });
rmSync('dist', { recursive: true, force: true });
run('tsc', '-p', 'tsconfig.build.json');
if (existsSync('src/console/page'))
  run('vite', 'build', '--logLevel', 'warn', '--config', 'src/console/page/vite.config.ts');
run('publint', '--strict');
