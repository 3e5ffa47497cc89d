#!/usr/bin/env node
// A checkout runs its sources (Node strips the types); the published package holds built JavaScript alone.
import { existsSync } from 'node:fs';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `ssrms needs Node 24 or later, and this is ${process.version}. In a checkout, "npm start" brings its own.`,
  );
  process.exit(1);
}
const source = new URL('../src/main.ts', import.meta.url);
const { main } = await import(existsSync(source) ? source.href : '../dist/main.js');
await main(process.argv);
