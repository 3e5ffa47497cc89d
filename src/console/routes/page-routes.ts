import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import { Failure } from '../../base/failure.ts';
import type { Routes } from '../../http/http-app.ts';

const cacheForever = 'public, max-age=31536000, immutable';
/** The page itself must be revalidated, because it names the assets of its version. */
const cacheNever = 'no-cache';

/**
 * Serves the built page below `/console/`, and redirects `/` there. No token is needed to load it: it has no data, and what it reads
 * needs a token where tokens are configured. Only files that existed at the start are served, so no path leads out of the folder.
 */
export function pageRoutes(pageDir: string): Routes {
  return async (app) => {
    const files = filesBelow(pageDir);
    const open = { config: { public: true as const }, schema: { hide: true } };
    app.get('/', open, async (_request, reply) => reply.redirect('console/', 302));
    app.get('/console', open, async (_request, reply) => reply.redirect('console/', 302));
    await app.register(fastifyStatic, {
      root: existsSync(pageDir) ? pageDir : import.meta.dirname,
      serve: false,
      preCompressed: true,
      cacheControl: false,
      dotfiles: 'deny',
    });
    app.get('/console/*', open, async (request, reply) => {
      const wanted = (request.params as { '*': string })['*'];
      const file = wanted === '' ? 'index.html' : wanted;
      if (!files.has('index.html')) {
        throw new Failure('not_found', 'the page is not built: run "npm run build", or "npm start", which builds it');
      }
      if (!files.has(file))
        throw new Failure('not_found', `there is no file ${JSON.stringify(wanted.slice(0, 80))} of the page`);
      reply.header('cache-control', file.startsWith('assets/') ? cacheForever : cacheNever);
      return reply.sendFile(file);
    });
  };
}

/** Paths with `/`, relative to the folder; none when it does not exist. */
function filesBelow(folder: string): Set<string> {
  if (!existsSync(folder)) return new Set();
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
  return new Set(paths);
}
