// Signing in at an OpenID provider with the real program, set up as docs/INGEST.md says; and what it says of it, which is no secret.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openIdAudience, signInByHand, startOpenId } from '../../src/http/testing/test-openid.ts';
import { startSsrms } from '../support/ssrms-process.ts';

const clientSecret = 'secret-of-the-client-0123456789';

test('the settings lead to a token that the API takes, and nothing secret is said', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ssrms-sign-in-'));
  const openId = await startOpenId({ clientSecret });
  const up = await startSsrms(['up'], {
    env: {
      DATA_DIR: dataDir,
      LOG_LEVEL: 'trace',
      SSRMS_JWKS_URL: `${openId.issuer}/jwks`,
      SSRMS_JWT_ISSUER: openId.issuer,
      SSRMS_JWT_AUDIENCE: openIdAudience,
      OIDC_CLIENT_ID: 'the-page',
      OIDC_CLIENT_SECRET: clientSecret,
    },
  });
  try {
    const returnTo = `${up.url}/console/`;
    await openId.register(returnTo);
    const post = async (path: string, body: object): Promise<Record<string, string>> => {
      const answer = await fetch(`${up.url}/api/v1/sign-in/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 200, await answer.clone().text());
      return (await answer.json()) as Record<string, string>;
    };
    const { address, ...kept } = await post('begin', { return_to: returnTo });
    const query = await signInByHand({ address: address!, returnTo });
    const given = await post('finish', { ...kept, query, return_to: returnTo });
    const rules = await fetch(`${up.url}/rules`, { headers: { authorization: `Bearer ${given['access_token']}` } });
    assert.equal(rules.status, 200);
    assert.equal((await fetch(`${up.url}/rules`)).status, 401);
    const secrets = [clientSecret, given['access_token']!, given['refresh_token']!, kept['code_verifier']!];
    for (const secret of [...secrets, new URLSearchParams(query).get('code')!])
      assert.ok(!up.output().includes(secret));
  } finally {
    await up.stop();
    await openId.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
