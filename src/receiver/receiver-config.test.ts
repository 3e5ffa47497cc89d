import { isReceiverName } from '../rule/receiver-name.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import {
  formatReceiverConfig,
  parseReceiverConfig,
  receiverKey,
  receiverNameOf,
  shownReceiver,
  type ReceiverConfig,
} from './receiver-config.ts';

const secret = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
const webhook = { kind: 'webhook', address: 'https://hooks.example.com/secret-path', secret };
const discord = { kind: 'discord', address: `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}` };

const parse = (input: unknown, name = 'ops'): ReceiverConfig =>
  parseReceiverConfig(input, { name, unknownFields: 'refused' });

function failureOf(input: unknown, name?: string): Failure {
  try {
    parse(input, name);
  } catch (error) {
    assert.ok(error instanceof Failure);
    return error;
  }
  return assert.fail('it was accepted');
}

test('a receiver is what its record says, and its record is what it is', () => {
  for (const input of [
    webhook,
    discord,
    { ...webhook, limits: { requests_per_minute: 60, notifications_per_request: 10 } },
  ]) {
    const config = parse(input);
    assert.deepEqual(JSON.parse(formatReceiverConfig(config)), input);
    assert.deepEqual(parse(JSON.parse(formatReceiverConfig(config))), config);
  }
});

test('every wrong field is named, and no address and no secret', () => {
  const table: [unknown, string[]][] = [
    [{}, ['kind']],
    [{ ...webhook, kind: 'fax' }, ['kind']],
    [{ kind: 'webhook' }, ['address', 'secret']],
    [{ ...webhook, address: 'http://hooks.example.com/secret-path' }, ['address']],
    [{ ...webhook, address: 7, secret: 7 }, ['address', 'secret']],
    [{ ...webhook, secret: 'too-short' }, ['secret']],
    [{ ...discord, secret }, ['secret']],
    [{ ...discord, address: webhook.address }, ['address']],
    [{ ...webhook, limits: 5 }, ['limits']],
    [
      { ...webhook, limits: { requests_per_minute: 0, notifications_per_request: 1.5 } },
      ['limits.requests_per_minute', 'limits.notifications_per_request'],
    ],
    [{ ...webhook, name: 'other' }, ['name']],
    [{ ...webhook, color: 'red' }, ['#1']],
  ];
  for (const [input, fields] of table) {
    const failure = failureOf(input);
    assert.deepEqual(
      failure.errors.map(({ field }) => field),
      fields,
      failure.message,
    );
    for (const hidden of ['secret-path', 'too-short', secret, 'tttt'])
      assert.ok(!JSON.stringify([failure.message, failure.errors]).includes(hidden), failure.message);
  }
  for (const input of [null, [], 'text']) assert.equal(failureOf(input).code, 'invalid_request');
});

test('a record of a newer version may have more fields', () => {
  const config = parseReceiverConfig({ ...webhook, min_severity: 'info' }, { name: 'ops', unknownFields: 'ignored' });
  assert.deepEqual(config, parse(webhook));
});

test('names can stand in keys and paths', () => {
  for (const name of ['a', 'Ops_2.x', 'x'.repeat(64)]) assert.ok(isReceiverName(name), name);
  for (const name of ['', '-a', '.', 'a/b', 'a b', 'ä', 'x'.repeat(65)]) {
    assert.ok(!isReceiverName(name), name);
    assert.deepEqual(
      failureOf(webhook, name).errors.map(({ field }) => field),
      ['name'],
    );
  }
  assert.equal(receiverNameOf(receiverKey('ops')), 'ops');
  assert.equal(receiverNameOf('123456789012345678'), undefined);
});

test('people see no secret', () => {
  assert.deepEqual(shownReceiver(parse(webhook)), {
    name: 'ops',
    kind: 'webhook',
    address: 'https://hooks.example.com/****',
    has_secret: true,
  });
  assert.equal(shownReceiver(parse(discord)).address, 'https://discord.com/api/webhooks/1234…/****');
});
