// The folder of the embedded log holds webhook URLs and secrets of receivers, so it is for its owner alone.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LogUnavailable } from '../log.ts';

const folderMode = 0o700;
export const fileMode = 0o600;
/** Windows has rights of another kind, of which these bits say nothing. */
const hasModes = process.platform !== 'win32';

/**
 * Makes the folder when it is missing, and closes its files to others. Throws LogUnavailable when it cannot be written.
 * Returns the mode of a folder that others may read or write, which is left as it is: it may be open on purpose, and it may
 * be another's.
 */
export function prepareFolder(dataDir: string): number | undefined {
  try {
    makeFolder(resolve(dataDir), folderMode);
    const probe = join(dataDir, `.probe-${process.pid}`);
    closeSync(openSync(probe, 'w'));
    rmSync(probe);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new LogUnavailable(`the data folder ${dataDir} cannot be written (${code}): set DATA_DIR to another folder`);
  }
  if (!hasModes) return undefined;
  for (const name of readdirSync(dataDir)) if (/^(?:log\.sqlite|owner\.json)/.test(name)) close(join(dataDir, name));
  const mode = statSync(dataDir).mode & 0o777;
  return (mode & 0o077) === 0 ? undefined : mode;
}

/**
 * Makes a folder and those above it, these with the usual rights. Node's own recursive mkdir never returns where the file
 * system answers ENOENT for a folder that cannot be made, as /proc does.
 */
function makeFolder(folder: string, mode?: number): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, mode);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** A file of another owner keeps its rights: it can be written, which is all that is needed. */
function close(file: string): void {
  try {
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, fileMode);
  } catch (error) {
    if (!['EPERM', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
