import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGAIN, answerTo, asking, codeTo, CREATE, CREATED, hostAnswers, OLD_KEY, PIN, started, view } from './asking.mjs';
import { TOKEN } from './fake-browser.mjs';

const RENEW = { ...CREATE, renews: OLD_KEY };
const OLD = { label: 'R1@2025-04-11-old', keyId: OLD_KEY.keyId, hasCertificate: true, certificate: { holder: 'h', notAfter: '2026-01-31T20:59:59Z' } };

/** A browser whose token has this container. */
function holding(container) {
  const browser = started();
  const usual = browser.host;
  browser.host = (frame) => (frame.command === 'tokenDetails' ? { result: { token: TOKEN, containers: [container] } } : usual(frame));
  return browser;
}

test('every request for a certificate shows its key’s code before the page is answered', async () => {
  for (const [command, params] of [['createRequest', CREATE], ['renewRequest', RENEW], ['requestAgain', AGAIN]]) {
    const { browser, page, window } = await asking(command, params);
    assert.equal(browser.frames(command).length, 0, 'the person decides');
    await window.say({ action: 'submit', pin: PIN });
    const { params: sent, authorization } = browser.frames(command)[0];
    assert.deepEqual([sent, authorization], [params, { pin: PIN }]);
    await hostAnswers(browser, command, { result: CREATED });
    assert.deepEqual([view(window).state, view(window).keyCode, answerTo(page, 'p1')], ['keyCode', CREATED.keyCode, undefined]);
    await window.say({ action: 'shown' });
    assert.deepEqual(answerTo(page, 'p1').result, CREATED);
  }
});

test('the window of a renewal names the container whose key vouches for the new one', async () => {
  const { window } = await asking('renewRequest', RENEW, holding(OLD));
  assert.deepEqual([view(window).container, view(window).renews, view(window).validUntil], [CREATE.container, OLD.label, undefined]);
});

test('a removal says until when the certificate was valid that goes with the key', async () => {
  const remove = { token: 't1', keyId: OLD_KEY.keyId };
  const expired = await asking('removeKeyPair', remove, holding(OLD));
  assert.deepEqual([view(expired.window).container, view(expired.window).validUntil], [OLD.label, '2026-01-31T20:59:59Z']);
  const orphan = await asking('removeKeyPair', remove, holding({ label: 'o', keyId: OLD_KEY.keyId, hasCertificate: false }));
  assert.deepEqual([view(orphan.window).container, view(orphan.window).validUntil], ['o', undefined]);
});

test('a host that is too old for a command is found out before anybody enters a PIN', async () => {
  for (const [minor, command, params] of [[1, 'renewRequest', RENEW], [1, 'requestAgain', AGAIN], [undefined, 'unblockPin', { token: 't1' }]]) {
    const browser = started();
    browser.hello = { event: 'hello', protocolVersion: 1, protocolMinor: minor, hostVersion: '0' };
    const page = await browser.page();
    await page.say({ id: 'p1', command, params });
    assert.equal(codeTo(page, 'p1'), 'command_unknown', command);
    assert.equal(browser.windowsOpen.size, 0);
  }
});

test('a renewal whose old key is not on the token ends in the window', async () => {
  const { browser, page, window } = await asking('renewRequest', RENEW);
  await window.say({ action: 'submit', pin: PIN });
  await hostAnswers(browser, 'renewRequest', { error: { code: 'key_not_found' } });
  assert.equal(codeTo(page, 'p1'), 'key_not_found');
  assert.deepEqual([view(window).state, view(window).error.code], ['failed', 'key_not_found']);
});
