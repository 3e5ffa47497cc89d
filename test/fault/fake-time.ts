// The wall clock of a process under test, moved by libfaketime while it runs; its monotonic clock stays right.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const library = ['x86_64', 'aarch64']
  .map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketime.so.1`)
  .find(existsSync);

export const skipWithoutFakeTime = library === undefined ? 'libfaketime (Debian package faketime) is missing' : false;

/** The environment of a process whose wall clock `set` moves, such as `+3600` seconds. */
export function clockIn(folder: string): { env: Record<string, string>; set: (shift: string) => void } {
  const file = join(folder, 'clock');
  const env = {
    LD_PRELOAD: library!,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { env, set: (shift) => writeFileSync(file, `${shift}\n`) };
}
