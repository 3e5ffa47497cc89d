import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = readFileSync(fileURLToPath(new URL('../../docs/INGEST.md', import.meta.url)), 'utf8');

/** The address and the token's file as docs/INGEST.md prints them. */
const printedUrl = 'http://127.0.0.1:9090';
const printedTokenFile = '/etc/ssrms/token';

/** A snippet of docs/INGEST.md, as printed but for where the service is and where its token lies. */
export function snippet(name: string, where: { readonly url: string; readonly tokenFile?: string }): string {
  const match = new RegExp(`<!-- snippet: ${name.replace('.', '\\.')} -->\n\`\`\`\\w+\n([^]*?)\n\`\`\``).exec(page);
  if (match === null) throw new Error(`docs/INGEST.md has no snippet ${name}`);
  return match[1]!.replaceAll(printedUrl, where.url).replaceAll(printedTokenFile, where.tokenFile ?? printedTokenFile);
}
