import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  maskedWebhookUrl,
  parseWebhookUrl,
  webhookAddress,
  webhookSecretText,
  withoutWebhookTokens,
} from './address.ts';
import { bad, good, id, path, thread, token } from './testing/webhook-urls.ts';

test('a webhook’s URL as people paste it is taken apart', () => {
  assert.ok(good.length >= 9);
  for (const [url, threadId] of good) {
    assert.deepEqual(parseWebhookUrl(url), { id, token, ...(threadId !== undefined && { threadId }) }, url);
  }
});

test('a URL that is not exactly a webhook’s is refused, and the refusal does not show it', () => {
  assert.ok(bad.length >= 47);
  for (const url of bad) {
    const read = parseWebhookUrl(url);
    assert.ok('problem' in read, url);
    assert.ok(!read.problem.includes(token) && !read.problem.includes(id), url);
  }
});

test('the suffixes /slack and /github are refused with a text that says what to do', () => {
  for (const format of ['slack', 'github']) {
    const read = parseWebhookUrl(`https://discord.com/api/${path}/${format}`);
    assert.match((read as { problem: string }).problem, new RegExp(`must not end in /${format}.*leave that part out`));
  }
});

test('an operator’s base is another way in, for its origin alone', () => {
  const apiBase = 'http://127.0.0.1:8080/api/v10';
  for (const url of [
    `${apiBase}/${path}`,
    `http://127.0.0.1:8080/api/${path}`,
    `http://127.0.0.1:8080/api/v9/${path}/`,
  ]) {
    assert.deepEqual(parseWebhookUrl(url, { apiBase }), { id, token }, url);
    assert.deepEqual(parseWebhookUrl(url, { apiBase: `${apiBase}/` }), { id, token }, url);
    assert.ok('problem' in parseWebhookUrl(url), url);
  }
  assert.deepEqual(parseWebhookUrl(`https://discord.com/api/${path}`, { apiBase }), { id, token });
  assert.deepEqual(
    parseWebhookUrl(`http://proxy:1/discord/api/v10/${path}`, { apiBase: 'http://proxy:1/discord/api/v10' }),
    { id, token },
  );
  const refused = [
    `http://127.0.0.1:8081/api/v10/${path}`,
    `http://127.0.0.1/api/v10/${path}`,
    `https://127.0.0.1:8080/api/v10/${path}`,
    `http://127.0.0.1:80800/api/v10/${path}`,
    `http://127.0.0.1:8080@evil.example/api/v10/${path}`,
    `http://127.0.0.1:8080/${path}`,
    `http://127x0y0z1:8080/api/v10/${path}`,
    `http://user@127.0.0.1:8080/api/v10/${path}`,
  ];
  for (const url of refused) assert.ok('problem' in parseWebhookUrl(url, { apiBase }), url);
});

test('the address of a request is built anew on the base, with what the request needs', () => {
  const plain = { id, token };
  assert.equal(webhookAddress(plain), `https://discord.com/api/v10/${path}`);
  assert.equal(webhookAddress(plain, undefined, { wait: true }), `https://discord.com/api/v10/${path}?wait=true`);
  assert.equal(webhookAddress(plain, 'http://127.0.0.1:1/api/v10/'), `http://127.0.0.1:1/api/v10/${path}`);
  assert.equal(
    webhookAddress({ ...plain, threadId: thread }, undefined, { wait: true, messageId: '7' }),
    `https://discord.com/api/v10/${path}/messages/7?wait=true&thread_id=${thread}`,
  );
});

test('what people may see of a webhook has neither the token nor the whole id', () => {
  const masked = maskedWebhookUrl({ id, token });
  assert.equal(masked, 'https://discord.com/api/webhooks/1100…/****');
  assert.ok('problem' in parseWebhookUrl(masked));
  assert.equal(webhookSecretText({ id, token }), `${id}:${token}`);
});

test('tokens are taken out of text', () => {
  assert.equal(
    withoutWebhookTokens(`see https://discord.com/api/${path}?x=1 "`),
    'see https://discord.com/api/webhooks/****?x=1 "',
  );
  assert.ok(!withoutWebhookTokens(`https://DISCORD.com/api/WEBHOOKS/${id}/${token}/slack`).includes(token));
});

test('whatever text comes, parsing never throws', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), (text) => void parseWebhookUrl(text)));
});
