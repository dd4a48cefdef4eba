import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerTo, asking, codeTo, CREATE, hostAnswers, PIN, started, view } from './asking.mjs';
import { TOKEN } from './fake-browser.mjs';

/** A window in which the PIN was locked by a last wrong one. */
async function locked() {
  const all = await asking();
  await all.window.say({ action: 'submit', pin: PIN });
  await hostAnswers(all.browser, 'createRequest', { error: { code: 'pin_incorrect', triesLeft: 'none' } });
  return all;
}

test('a token that locks says so in the window, and the page is told when nobody unblocks it', async () => {
  for (const leave of [(window) => window.say({ action: 'cancel' }), (_, browser) => browser.personCloses()]) {
    const { browser, page, window } = await locked();
    assert.deepEqual([view(window).form, view(window).tries, view(window).error], ['locked', 'none', { code: 'pin_locked' }]);
    assert.equal(answerTo(page, 'p1'), undefined);
    await leave(window, browser);
    assert.equal(codeTo(page, 'p1'), 'pin_locked');
    assert.equal(browser.windowsOpen.size, 0);
  }
});

test('a token that was locked before is not asked for its PIN', async () => {
  const browser = started();
  const usual = browser.host;
  const pin = { ...TOKEN.pin, tries: 'none' };
  browser.host = (frame) => (frame.command === 'tokenDetails' ? { result: { token: { ...TOKEN, pin }, containers: [] } } : usual(frame));
  const { window } = await asking('createRequest', CREATE, browser);
  assert.equal(view(window).form, 'locked');
  await window.say({ action: 'unblock', soPin: '87654321', newPin: PIN });
  assert.equal(browser.frames('unblockPin').length, 0);
});

test('a locked PIN is replaced with the administrator’s, and the operation goes on with the new one', async () => {
  const { browser, page, window } = await locked();
  await window.say({ action: 'offerUnblock' });
  assert.equal(view(window).form, 'unblock');
  const message = { action: 'unblock', soPin: '87654321', newPin: PIN };
  await window.say(message);
  assert.deepEqual(message, { action: 'unblock' });
  assert.deepEqual(browser.frames('unblockPin')[0].params, { token: 't1' });
  assert.deepEqual(browser.frames('unblockPin')[0].authorization, { soPin: '87654321', newPin: PIN });
  await hostAnswers(browser, 'unblockPin', { result: {} });
  assert.deepEqual([view(window).state, view(window).tries], ['pinChanged', 'full']);
  await window.say({ action: 'submit', pin: PIN });
  assert.deepEqual(browser.frames('createRequest')[1].authorization, { pin: PIN });
  assert.equal(answerTo(page, 'p1'), undefined);
  assert.equal(JSON.stringify([page.sent, window.sent]).includes('87654321'), false);
});

test('a wrong administrator’s PIN is asked for again with its own tries, and a locked one ends the operation', async () => {
  const { browser, page, window } = await locked();
  await window.say({ action: 'offerUnblock' });
  const wrong = { code: 'so_pin_incorrect', triesLeft: 'low' };
  for (const error of [wrong, { code: 'pin_length_invalid' }, { code: 'pin_factory' }]) {
    await window.say({ action: 'unblock', soPin: '1', newPin: PIN });
    await hostAnswers(browser, 'unblockPin', { error });
    assert.deepEqual([view(window).state, view(window).form, view(window).error], ['asking', 'unblock', error]);
    assert.equal(view(window).tries, 'none', 'those of the person’s own PIN');
  }
  await window.say({ action: 'unblock', soPin: '1', newPin: PIN });
  await hostAnswers(browser, 'unblockPin', { error: { code: 'so_pin_locked' } });
  assert.equal(codeTo(page, 'p1'), 'so_pin_locked');
  assert.equal(view(window).state, 'failed');
});

test('a PIN is replaced on the page’s wish, and of a locked one that was to be changed it is enough', async () => {
  const { browser, page, window } = await asking('unblockPin', { token: 't1' });
  assert.equal(view(window).form, 'unblock');
  await window.say({ action: 'submit', pin: PIN });
  await window.say({ action: 'unblock', soPin: '87654321', newPin: PIN });
  await hostAnswers(browser, 'unblockPin', { result: {} });
  assert.deepEqual(answerTo(page, 'p1').result, {});

  const other = await asking('changePin', { token: 't1' });
  await other.window.say({ action: 'change', pin: '1', newPin: PIN });
  await hostAnswers(other.browser, 'changePin', { error: { code: 'pin_locked' } });
  await other.window.say({ action: 'offerUnblock' });
  await other.window.say({ action: 'unblock', soPin: '87654321', newPin: PIN });
  await hostAnswers(other.browser, 'unblockPin', { result: {} });
  assert.deepEqual(answerTo(other.page, 'p1').result, {});
});
