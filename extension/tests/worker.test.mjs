import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { answerTo, asking, codeTo, CREATE, CREATED, hostAnswers, PIN, started, view } from './asking.mjs';
import { settle, TOKEN } from './fake-browser.mjs';

test('the worker takes commands only from its own content script in a top frame', async () => {
  const browser = started();
  for (const sender of [{ id: 'another extension' }, { frameId: 3 }, { tab: undefined }]) {
    const port = await browser.page(sender);
    assert.equal(port.closed, true, JSON.stringify(sender));
    await port.say({ id: '1', command: 'listTokens' });
  }
  assert.equal(browser.natives.length, 0);
});

test('the worker serves the exact scheme, host and port of the portal', async () => {
  const browser = started();
  for (const origin of ['http://localhost', 'http://localhost:8081', 'https://localhost:8080', 'http://localhost:8080.evil.ru', 'null', undefined]) {
    const port = await browser.page({ origin });
    await port.say({ id: '1', command: 'hello', params: { protocolVersion: 1 } });
    assert.equal(codeTo(port, '1'), 'extension_site_refused', String(origin));
  }
  assert.equal(browser.natives.length, 0);
});

test('the origin is the browser’s word, and a page’s own origin and authorization are dropped', async () => {
  const browser = started();
  const page = await browser.page();
  await page.say({ id: '1', origin: 'https://evil.ru', authorization: { pin: '1' }, command: 'listTokens', params: {} });
  const { id, ...frame } = browser.frames('listTokens')[0];
  assert.deepEqual(frame, { origin: 'http://localhost:8080', command: 'listTokens', params: {} });
  assert.notEqual(id, undefined);
});

test('a page cannot smuggle an authorization in among the parameters', async () => {
  const browser = started();
  const page = await browser.page();
  await page.say({ id: '1', command: 'createRequest', params: { ...CREATE, authorization: { pin: '1' } } });
  assert.equal(codeTo(page, '1'), 'frame_malformed');
  assert.equal(browser.windowsOpen.size, 0);
});

test('a command that changes the token waits for the person', async () => {
  const { browser } = await asking();
  assert.equal(browser.windowsOpen.size, 1);
  assert.equal(browser.frames('createRequest').length, 0);
});

test('a PIN is taken only from the window that the worker opened', async () => {
  const { browser } = await asking();
  const strangers = [
    await browser.window({ tab: { id: 7 } }),
    await browser.window({ tab: undefined }),
    await browser.window({ frameId: 2 }),
    await browser.window({ url: 'chrome-extension://x/window/pin.html' }),
    await browser.window({ id: 'another extension' }),
  ];
  for (const stranger of strangers) {
    assert.equal(stranger.closed, true);
    await stranger.say({ action: 'submit', pin: PIN });
  }
  assert.equal(browser.frames('createRequest').length, 0);
});

test('a page cannot speak as the window', async () => {
  const { browser, page } = await asking();
  await page.say({ action: 'submit', pin: PIN });
  await page.say({ id: 'p2', action: 'submit', command: 'submit', pin: PIN });
  assert.equal(browser.frames('createRequest').length, 0);
});

test('the PIN goes to the host and nowhere else', async () => {
  const { browser, page, window } = await asking();
  const message = { action: 'submit', pin: PIN };
  await window.say(message);
  assert.deepEqual(browser.frames('createRequest')[0].authorization, { pin: PIN });
  assert.deepEqual(message, { action: 'submit' });
  await hostAnswers(browser, 'createRequest', { error: { code: 'pin_incorrect', triesLeft: 'low' } });
  assert.equal(JSON.stringify([page.sent, window.sent]).includes(PIN), false);
});

test('the page is answered when the key’s code is on screen, and may close the window then', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  await hostAnswers(browser, 'createRequest', { result: CREATED });
  assert.equal(view(window).state, 'keyCode');
  assert.equal(view(window).keyCode, 'MZXW6-YTBOI');
  assert.equal(answerTo(page, 'p1'), undefined);
  await window.say({ action: 'shown' });
  assert.deepEqual(answerTo(page, 'p1').result, CREATED);
  await page.say({ id: 'p2', command: 'closeWindow' });
  assert.equal(browser.windowsOpen.size, 0);
});

test('a page cannot close the window while it asks', async () => {
  const { browser, page } = await asking();
  await page.say({ id: 'p2', command: 'closeWindow' });
  assert.equal(browser.windowsOpen.size, 1);
});

test('a wrong PIN is asked for again, with what the token says of tries left', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  await hostAnswers(browser, 'createRequest', { error: { code: 'pin_incorrect', triesLeft: 'final' } });
  assert.deepEqual([view(window).state, view(window).tries], ['asking', 'final']);
  assert.equal(answerTo(page, 'p1'), undefined);
});

test('a factory PIN can be changed first, and the operation goes on with the new one', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: '12345678' });
  await hostAnswers(browser, 'createRequest', { error: { code: 'pin_factory' } });
  assert.equal(view(window).form, 'factory');
  await window.say({ action: 'offerChange' });
  await window.say({ action: 'change', pin: '12345678', newPin: PIN });
  assert.deepEqual(browser.frames('changePin')[0].authorization, { pin: '12345678', newPin: PIN });
  await hostAnswers(browser, 'changePin', { result: {} });
  assert.equal(view(window).state, 'pinChanged');
  await window.say({ action: 'submit', pin: PIN });
  assert.deepEqual(browser.frames('createRequest')[1].authorization, { pin: PIN });
  assert.equal(answerTo(page, 'p1'), undefined);
});

test('a window closed while it asks means cancelled, and nothing was done', async () => {
  const { browser, page } = await asking();
  await browser.personCloses();
  assert.equal(codeTo(page, 'p1'), 'cancelled');
  assert.equal(browser.frames('createRequest').length, 0);
});

test('a window closed while the host works cancels there, and the host’s answer counts', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  await browser.personCloses();
  assert.deepEqual(browser.frames('cancel').at(-1).params, { request: browser.frames('createRequest')[0].id });
  assert.equal(answerTo(page, 'p1'), undefined);
  await hostAnswers(browser, 'createRequest', { error: { code: 'cancelled' } });
  assert.equal(codeTo(page, 'p1'), 'cancelled');
});

test('a key that was made before the cancel came is not kept from the person', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  await browser.personCloses();
  await hostAnswers(browser, 'createRequest', { result: CREATED });
  assert.equal(browser.windowsOpen.size, 1);
  const again = await browser.window();
  assert.equal(view(again).state, 'keyCode');
  await again.say({ action: 'shown' });
  assert.deepEqual(answerTo(page, 'p1').result, CREATED);
});

test('a crash of the host is never shown as cancelled', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  await browser.personCloses();
  await browser.hostEnds('Native host has exited.');
  assert.equal(codeTo(page, 'p1'), 'host_exited');
  const told = page.sent.find((message) => message.event === 'disconnected');
  assert.deepEqual(told, { qcert: 'event', event: 'disconnected', error: { code: 'host_exited' } });
});

test('a host that ends while the window asks ends the operation', async () => {
  const { browser, page, window } = await asking();
  await browser.hostEnds('Native host has exited.');
  assert.equal(codeTo(page, 'p1'), 'host_exited');
  assert.equal(view(window).state, 'failed');
});

test('after ten minutes the dialog expires', async () => {
  const { browser, page } = await asking();
  mock.timers.tick(10 * 60_000 - 1);
  await settle();
  assert.equal(answerTo(page, 'p1'), undefined);
  mock.timers.tick(1);
  await settle();
  assert.equal(codeTo(page, 'p1'), 'dialog_expired');
  assert.equal(browser.windowsOpen.size, 0);
});

test('a host that does not say hello is waited for ten seconds', async () => {
  const browser = started();
  browser.hello = undefined;
  const page = await browser.page();
  await page.say({ id: '1', command: 'hello', params: { protocolVersion: 1 } });
  mock.timers.tick(10_000);
  await settle();
  assert.equal(codeTo(page, '1'), 'workstation_timeout');
  assert.equal(browser.native.closed, true);
});

test('a second operation is refused while the first one asks', async () => {
  const { page } = await asking();
  await page.say({ id: 'p2', command: 'changePin', params: { token: 't1' } });
  assert.equal(codeTo(page, 'p2'), 'operation_in_progress');
});

test('a token that is pulled out while the window asks ends the operation', async () => {
  const { browser, page } = await asking();
  await browser.native.say({ event: 'tokensChanged', modules: [], readers: [] });
  assert.equal(codeTo(page, 'p1'), 'token_removed');
});

test('when the page goes away, its window and its host go too', async () => {
  const { browser, page } = await asking();
  await page.leave();
  assert.equal(browser.windowsOpen.size, 0);
  assert.equal(browser.native.closed, true);
});

test('two pages have a host and a window each, and hear nothing of each other', async () => {
  const { browser, page } = await asking();
  const first = browser.native;
  const other = await browser.page({ tab: { id: 2, windowId: 1 } });
  await other.say({ id: 'p1', command: 'changePin', params: { token: 't2' } });
  assert.equal(browser.natives.length, 2);
  await first.say({ event: 'tokensChanged', modules: [], readers: [{ name: 'R', module: 'm', token: TOKEN }] });
  assert.equal(page.sent.at(-1).event, 'tokensChanged');
  assert.deepEqual(other.sent, []);
});

test('the second page that wants a token is told that it is busy, until the first has done with it', async () => {
  const { browser, page, window } = await asking();
  const focused = [];
  browser.api.windows.update = async (id) => focused.push(id);
  const other = await browser.page({ tab: { id: 2, windowId: 1 } });
  await other.say({ id: 'p1', command: 'changePin', params: { token: 't1' } });
  assert.equal(codeTo(other, 'p1'), 'token_busy');
  assert.deepEqual(focused, [...browser.windowsOpen]);
  await other.say({ id: 'p2', command: 'changePin', params: { token: 't2' } });
  assert.equal(codeTo(other, 'p2'), undefined);
  await other.say({ id: 'p3', command: 'cancel', params: { request: 'p2' } });
  await window.say({ action: 'submit', pin: PIN });
  await browser.natives[0].say({ id: browser.frames('createRequest')[0].id, result: CREATED });
  assert.equal(view(window).state, 'keyCode');
  await other.say({ id: 'p4', command: 'changePin', params: { token: 't1' } });
  assert.equal(codeTo(other, 'p4'), undefined);
});

test('the page’s id comes back in replies, progress and cancel, whatever the host’s is', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  const { id } = browser.frames('createRequest')[0];
  assert.notEqual(id, 'p1');
  await browser.native.say({ event: 'progress', id, stage: 'signing' });
  assert.deepEqual(page.sent.at(-1), { qcert: 'event', event: 'progress', id: 'p1', stage: 'signing' });
  await page.say({ id: 'p2', command: 'cancel', params: { request: 'p1' } });
  assert.deepEqual(answerTo(page, 'p2').result, { found: true });
  assert.deepEqual(browser.frames('cancel')[0].params, { request: id });
});

test('missing parts have names', async () => {
  const reasons = {
    'Specified native messaging host not found.': 'host_missing',
    'Access to the specified native messaging host is forbidden.': 'host_forbidden',
    'Native host has exited.': 'host_exited',
  };
  for (const [reason, code] of Object.entries(reasons)) {
    const browser = started();
    browser.hello = undefined;
    const page = await browser.page();
    await page.say({ id: '1', command: 'hello', params: { protocolVersion: 1 } });
    await browser.hostEnds(reason);
    assert.equal(codeTo(page, '1'), code);
  }
});

test('the one of page, extension and host that is too old or too new is named', async () => {
  // The extension speaks 1; the page's version, the host's, and who is named.
  const cases = [
    [1, 0, 'host_outdated'],
    [1, 2, 'host_too_new'],
    [2, 2, 'extension_outdated'],
    [2, 1, 'extension_outdated'],
    [0, 0, 'extension_too_new'],
    [0, 1, 'page_outdated'],
    [0, 2, 'page_outdated'],
  ];
  for (const [page, host, code] of cases) {
    const browser = started();
    browser.hello = { event: 'hello', protocolVersion: host, protocolMinor: 1, hostVersion: '9' };
    const port = await browser.page();
    await port.say({ id: '1', command: 'hello', params: { protocolVersion: page, protocolMinor: 1 } });
    assert.equal(codeTo(port, '1'), code, `${page} ${host}`);
    assert.equal(answerTo(port, '1').error.detail, `protocol: page ${page}, extension 1, host ${host}`);
    await port.say({ id: '2', command: 'listTokens', params: {} });
    assert.equal(host === 1 || codeTo(port, '2') !== undefined, true, 'a host of another version is asked nothing');
  }
});

test('a page that is too old is named although there is no host', async () => {
  const browser = started();
  browser.hello = undefined;
  const page = await browser.page();
  await page.say({ id: '1', command: 'hello', params: { protocolVersion: 0 } });
  await browser.hostEnds('Specified native messaging host not found.');
  assert.equal(codeTo(page, '1'), 'page_outdated');
});

test('a minor version may differ', async () => {
  for (const [page, host] of [[undefined, undefined], [0, 7], [7, 0]]) {
    const browser = started();
    browser.hello = { event: 'hello', protocolVersion: 1, protocolMinor: host, hostVersion: '9' };
    const port = await browser.page();
    await port.say({ id: '1', command: 'hello', params: { protocolVersion: 1, protocolMinor: page } });
    assert.equal(answerTo(port, '1').result.hostMinor, host ?? 0);
    await port.say({ id: '2', command: 'listTokens', params: {} });
    assert.equal(browser.frames('listTokens').length, 1);
  }
});

test('a diagnosis needs no window, and a page says what it may have in it', async () => {
  const browser = started();
  const page = await browser.page();
  await page.say({ id: '1', command: 'diagnose', params: { names: false, log: false } });
  assert.deepEqual(browser.frames('diagnose')[0].params, { names: false, log: false });
  await hostAnswers(browser, 'diagnose', { result: { checks: [] } });
  assert.deepEqual(answerTo(page, '1').result, { checks: [] });
  assert.equal(browser.windowsOpen.size, 0);
  await page.say({ id: '2', command: 'diagnose', params: {} });
  assert.equal(codeTo(page, '2'), 'frame_malformed');
});

test('hello tells of a site that the host does not serve', async () => {
  const browser = started();
  browser.host = () => ({ error: { code: 'origin_refused' } });
  const page = await browser.page();
  await page.say({ id: '1', command: 'hello', params: { protocolVersion: 1 } });
  assert.equal(codeTo(page, '1'), 'origin_refused');
});

test('after its end the host is started again at the next need', async () => {
  const browser = started();
  const page = await browser.page();
  const hello = { command: 'hello', params: { protocolVersion: 1 } };
  await page.say({ id: '1', ...hello });
  await browser.hostEnds('Native host has exited.');
  await page.say({ id: '2', ...hello });
  const versions = { extensionVersion: '0.1.0', hostVersion: '0.1.0', protocolVersion: 1, extensionMinor: 2, hostMinor: 2 };
  assert.deepEqual(answerTo(page, '2').result, versions);
  assert.equal(browser.natives.length, 2);
});

test('the module is offered for registration only where it is not registered', async () => {
  for (const moduleRegistered of [true, false]) {
    const browser = started();
    const usual = browser.host;
    browser.host = (frame) => (frame.command === 'storeState' ? { result: { moduleRegistered, module: 'softhsm2' } } : usual(frame));
    const params = { token: 't1', container: CREATE.container, certificate: 'MIIB' };
    const { window } = await asking('installCertificate', params, browser);
    assert.equal(view(window).module, moduleRegistered ? undefined : 'softhsm2');
  }
});

test('a key that was made is told to the page even if it goes on before the code is on screen', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  await hostAnswers(browser, 'createRequest', { result: CREATED });
  await page.say({ id: 'p2', command: 'changePin', params: { token: 't1' } });
  assert.deepEqual(answerTo(page, 'p1').result, CREATED);
});

test('a host that does not answer a cancel is not shown as cancelled', async () => {
  const { browser, page, window } = await asking();
  await window.say({ action: 'submit', pin: PIN });
  await window.say({ action: 'cancel' });
  assert.equal(browser.frames('cancel').length, 1);
  mock.timers.tick(15_000);
  await settle();
  assert.equal(codeTo(page, 'p1'), 'workstation_timeout');
});

test('the window opens even if the page’s tab left the browser window it was opened in', async () => {
  const browser = started();
  browser.api.windows.get = async () => {
    throw new Error('No window with id: 1.');
  };
  const { page } = await asking('createRequest', CREATE, browser);
  assert.equal(codeTo(page, 'p1'), undefined);
  assert.equal(browser.windowsOpen.size, 1);
});
