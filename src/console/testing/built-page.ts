import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** The folder of the built page, which is rebuilt only when something in src/ is newer. */
export function builtPage(): string {
  execFileSync(process.execPath, ['scripts/build-page.mjs', '--if-older'], { cwd: root, stdio: ['ignore', 2, 2] });
  return join(root, 'dist/page');
}
