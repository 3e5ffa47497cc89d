import { namedBlock } from '../documents/blocks.ts';

/** Addresses and files as the documents print them. */
const printedUrl = 'http://127.0.0.1:9090';
const printedTokenFile = '/etc/ssrms/token';

interface Where {
  readonly url: string;
  readonly tokenFile?: string;
}

/** A snippet of the documents, as printed but for where the service is and where its token lies. */
export function snippet(name: string, { url, tokenFile = printedTokenFile }: Where): string {
  return namedBlock(name)
    .text.replaceAll(printedUrl, url)
    .replaceAll(new URL(printedUrl).host, new URL(url).host)
    .replaceAll(printedTokenFile, tokenFile);
}
