/** A page that asked for something, in a browser that is played by the test. */

import { beforeEach, mock } from 'node:test';
import { startRelay } from '../src/relay.js';
import { FakeBrowser, settle, TOKEN } from './fake-browser.mjs';

// The clock is driven by hand.
beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
});

export const PIN = 'correct horse';
export const CREATE = {
  token: 't1',
  container: '67092365@2013-04-11-ООО «АвтоСпор»',
  commonName: 'ООО «АвтоСпор»',
  algorithm: 'P-256',
  sensor: 'A'.repeat(88),
};
export const OLD_KEY = { keyId: 'cd'.repeat(20), nonce: `${'A'.repeat(43)}=` };
export const AGAIN = { token: 't1', container: CREATE.container, keyId: 'ab'.repeat(20), commonName: CREATE.commonName };
export const CREATED = { certificationRequest: 'AAAA', keyId: 'ab'.repeat(20), keyCode: 'MZXW6-YTBOI', token: TOKEN.name };

export function started() {
  const browser = new FakeBrowser();
  startRelay(browser.api);
  return browser;
}

/** A page that asked for a key pair, and the window that opened. */
export async function asking(command = 'createRequest', params = CREATE, browser = started()) {
  const page = await browser.page();
  await page.say({ id: 'p1', command, params });
  await settle();
  const window = await browser.window();
  return { browser, page, window };
}

export const answerTo = (page, id) => page.sent.find((message) => message.qcert === 'reply' && message.id === id);
export const codeTo = (page, id) => answerTo(page, id)?.error?.code;
export const view = (window) => window.sent.at(-1);

export async function hostAnswers(browser, command, answer) {
  await browser.native.say({ id: browser.frames(command).at(-1).id, ...answer });
}
