import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../src/failure.js';
import { CONFIRMED_COMMANDS, PAGE_COMMANDS, readPageMessage, REQUEST_COMMANDS, takeWindowMessage } from '../src/messages.js';
import { stateMachine } from '../src/states.js';
import { CREATE, OLD_KEY } from './asking.mjs';

const refuses = (code, read) => assert.throws(read, (error) => error instanceof Failure && error.code === code);

test('only commands on the allow list are known', () => {
  for (const command of ['sign', 'constructor', '__proto__', 'toString', '']) {
    refuses('command_unknown', () => readPageMessage({ id: '1', command, params: {} }));
  }
  assert.deepEqual(readPageMessage({ id: '1', command: 'listTokens' }), { id: '1', command: 'listTokens', params: {} });
});

test('parameters of another shape are refused', () => {
  const bad = [
    ['watchTokens', { on: 'yes' }],
    ['watchTokens', {}],
    ['tokenDetails', { token: 't', more: 1 }],
    ['tokenDetails', ['t']],
    ['removeKeyPair', { token: 't', keyId: 'AB' }],
    ['installCertificate', { token: 't', container: 'a\u202eb', certificate: 'MIIB' }],
    ['installCertificate', { token: 't', container: 'a', certificate: '<>' }],
    ['listTokens', null],
    ['renewRequest', CREATE],
    ['renewRequest', { ...CREATE, renews: null }],
    ['renewRequest', { ...CREATE, renews: { ...OLD_KEY, more: 1 } }],
    ['renewRequest', { ...CREATE, renews: { ...OLD_KEY, keyId: 'ab' } }],
    ['renewRequest', { ...CREATE, renews: { ...OLD_KEY, nonce: 'AAAA' } }],
    ['renewRequest', { ...CREATE, renews: { ...OLD_KEY, nonce: 'A'.repeat(44) } }],
    ['requestAgain', { token: 't', container: 'a', keyId: OLD_KEY.keyId }],
    ['createRequest', { ...CREATE, renews: OLD_KEY }],
  ];
  for (const [command, params] of bad) refuses('frame_malformed', () => readPageMessage({ id: '1', command, params }));
});

test('a message without a proper id, or too long, is refused', () => {
  for (const id of ['', 'x'.repeat(65), 7, undefined]) refuses('frame_malformed', () => readPageMessage({ id, command: 'listTokens' }));
  refuses('frame_too_large', () => readPageMessage({ id: '1', command: 'listTokens', params: { a: 'x'.repeat(65536) } }));
});

test('no command signs bytes that a caller chose', () => {
  assert.deepEqual(Object.keys(PAGE_COMMANDS).filter((name) => /sign|decrypt|digest|export/i.test(name)), []);
  // Of a proof a page gives the portal's nonce alone; the host digests it with the key that it made.
  assert.doesNotThrow(() => readPageMessage({ id: '1', command: 'renewRequest', params: { ...CREATE, renews: OLD_KEY } }));
  for (const name of ['message', 'data', 'digest', 'proof', 'origin', 'publicKey']) {
    const params = { ...CREATE, renews: { ...OLD_KEY, [name]: 'AAAA' } };
    refuses('frame_malformed', () => readPageMessage({ id: '1', command: 'renewRequest', params }));
  }
});

test('a command that makes a request is confirmed by the person', () => {
  assert.deepEqual([...REQUEST_COMMANDS].filter((command) => !CONFIRMED_COMMANDS.has(command)), []);
  const makes = Object.keys(PAGE_COMMANDS).filter((command) => /request/i.test(command));
  assert.deepEqual(makes, [...REQUEST_COMMANDS]);
});

test('a PIN is taken out of the window’s message, and its length is bounded', () => {
  const message = { action: 'change', pin: 'old one', newPin: 'новый' };
  assert.deepEqual(takeWindowMessage(message).authorization, { pin: 'old one', newPin: 'новый' });
  assert.deepEqual(message, { action: 'change' });
  for (const pin of ['', 'я'.repeat(128)]) refuses('pin_length_invalid', () => takeWindowMessage({ action: 'submit', pin }));
  refuses('frame_malformed', () => takeWindowMessage({ action: 'sign' }));
});

test('a failure travels as its documented fields alone', () => {
  const failure = Failure.fromHost({ code: 'pin_incorrect', triesLeft: 'low', pin: 'x', detail: 7 });
  assert.equal(JSON.stringify(failure), '{"code":"pin_incorrect","triesLeft":"low"}');
  assert.equal(Failure.fromHost('odd').code, 'frame_malformed');
});

test('the browsers’ reasons are told apart', () => {
  const reasons = {
    'Specified native messaging host not found.': 'host_missing',
    'No such native application ru.qcert.host': 'host_missing',
    'Access to the specified native messaging host is forbidden.': 'host_forbidden',
    'This extension does not have permission to use native application ru.qcert.host (or the application is not installed)': 'host_forbidden',
    'Native host has exited.': 'host_exited',
    'An unexpected error occurred': 'host_exited',
  };
  for (const [reason, code] of Object.entries(reasons)) assert.equal(Failure.fromDisconnect(reason).code, code, reason);
  assert.equal(Failure.fromDisconnect(undefined).code, 'host_exited');
});

test('an impossible move is an error of the program', () => {
  const machine = stateMachine('door', { open: ['closed'], closed: [] }, 'open');
  machine.move('closed');
  assert.throws(() => machine.move('open'), /door: no way from closed to open/);
});
