// What the documents print for readers to use: fenced blocks, and commands in the running text.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The documents whose blocks a reader uses. CHANGELOG.md tells of the past. */
export const documents: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...globSync('docs/*.md', { cwd: root }),
].sort();

export interface Block {
  readonly file: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** What stands behind the opening fence; empty when nothing does. */
  readonly language: string;
  /** The name in a comment `<!-- snippet: NAME -->` above the fence. */
  readonly name: string | undefined;
  readonly text: string;
}

const readDocument = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The fenced blocks of a document. Throws when a fence is not closed. */
export function blocksOf(file: string, document = readDocument(file)): Block[] {
  const blocks: Block[] = [];
  const lines = document.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const [, indent, fence, language = ''] = /^(\s*)(`{3,})\s*(\S*)/.exec(lines[at]!) ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end < 0) throw new Error(`${file}:${at + 1} opens a block that is not closed`);
    const [, name] = /^<!-- snippet: (\S+) -->$/.exec(lines[at - 1]?.trim() ?? '') ?? [];
    const text = lines
      .slice(at + 1, end)
      .map((line) => line.replace(new RegExp(`^\\s{0,${indent!.length}}`), ''))
      .join('\n');
    blocks.push({ file, line: at + 1, language, name, text });
    at = end;
  }
  return blocks;
}

export const allBlocks = (): Block[] => documents.flatMap((file) => blocksOf(file));

/** The block of this name. Throws unless there is exactly one. */
export function namedBlock(name: string): Block {
  const found = allBlocks().filter((block) => block.name === name);
  if (found.length !== 1) throw new Error(`${found.length} blocks of the documents are called ${name}`);
  return found[0]!;
}

/** What stands in code marks in the running text. */
export interface InlineCode {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

const commandStart =
  /^(?:[A-Z_]+=\S* )*(?:ssrms|npx|npm|node|docker|curl|prometheus|openssl|python3?|java|go|git|apt-get)(?: |$)/;

function inlineCodesOf(file: string): InlineCode[] {
  const document = readDocument(file);
  const running = document.replace(/^ *```[^]*?^ *```/gm, (block) => block.replaceAll(/[^\n]/g, ''));
  return [...running.matchAll(/`([^`]+)`/g)].map(({ index, 1: code = '' }) => ({
    file,
    line: running.slice(0, index).split('\n').length,
    text: code.replaceAll(/\s+/g, ' '),
  }));
}

export const allInlineCodes = (): InlineCode[] => documents.flatMap((file) => inlineCodesOf(file));

/** The commands that the documents name outside of their blocks. */
export const allInlineCommands = (): InlineCode[] => allInlineCodes().filter(({ text }) => commandStart.test(text));
