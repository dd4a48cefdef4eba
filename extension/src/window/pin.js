/**
 * The PIN window. It shows what the worker sends (one `View` after the other) and sends back what the person decides.
 * The PIN stays here, in `held`, only while it may be needed again: until the host has taken it or the person has
 * decided about a factory PIN.
 */

import { errorWords, WORDS } from './words.js';

/** @typedef {import('../dialog.js').View} View */
/** @typedef {import('./words.js').Words} Words */

const LANGUAGE_KEY = 'qcert-language';
/** @type {Readonly<Record<string, (keyof Words['stages'])[]>>} */
const STAGES = {
  createRequest: ['loggingIn', 'seeding', 'generatingKey', 'signing'],
  renewRequest: ['loggingIn', 'seeding', 'generatingKey', 'signing'],
  requestAgain: ['loggingIn', 'signing'],
  installCertificate: ['loggingIn', 'writing', 'readingBack', 'storing'],
  removeKeyPair: [],
  changePin: [],
  unblockPin: [],
};
/** Where something secret is typed. */
const SECRETS = ['soPin', 'pin', 'newPin', 'repeatPin'];

const runtime = /** @type {typeof chrome.runtime} */ ((/** @type {any} */ (globalThis).browser ?? chrome).runtime);
const port = runtime.connect({ name: 'window' });
let language = localStorage.getItem(LANGUAGE_KEY) === 'en' ? /** @type {const} */ ('en') : /** @type {const} */ ('ru');
/** @type {View | undefined} */
let view;
/** @type {{ pin?: string, newPin?: string } | undefined} */
let held;
/** What this window itself found wrong in the fields. @type {'soPinEmpty' | 'pinEmpty' | 'newPinEmpty' | 'pinsDiffer' | 'pinSame' | undefined} */
let mistake;

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (element(id));
/** @param {string} id @param {string} text */
const write = (id, text) => void (element(id).textContent = text);
/** @param {string} id @param {boolean} visible */
const show = (id, visible) => void (element(id).hidden = !visible);

port.onMessage.addListener((/** @type {View} */ next) => {
  if (next.state === 'closed') return window.close();
  const changed = !view || view.state !== next.state || view.form !== next.form || next.error !== undefined;
  view = next;
  if (view.state === 'asking') mistake = undefined;
  if (!mayNeedPinAgain(view)) held = undefined;
  if (changed && view.state !== 'working') for (const id of SECRETS) conceal(id);
  render(view);
  if (changed) moveFocus(view);
  element('alert').scrollIntoView({ block: 'nearest' });
  if (view.state === 'pinChanged') submit({ pin: held?.newPin });
  if (view.state === 'keyCode') send({ action: 'shown' });
});

// The page is gone, or the extension was reloaded; a code or an error may still be read.
port.onDisconnect.addListener(() => {
  if (view?.state !== 'keyCode' && view?.state !== 'failed') window.close();
});

/** @param {View} of */
function mayNeedPinAgain({ state, form, changeOffered }) {
  return state === 'working' || state === 'pinChanged' || (state === 'asking' && (form === 'factory' || changeOffered));
}

/** @param {object} message */
function send(message) {
  try {
    port.postMessage(message);
  } catch {
    window.close();
  }
}

/** @param {{ pin?: string, keepFactoryPin?: boolean }} authorization */
function submit(authorization) {
  held = { pin: authorization.pin };
  const registerModule = view?.module !== undefined && field('registerModule').checked;
  send({ action: 'submit', ...authorization, ...(registerModule && { registerModule }) });
}

/** @param {View} of */
function submitPin({ pad }) {
  const pin = field('pin').value;
  if (!pad && pin === '') return complain('pinEmpty', 'pin');
  submit(pad ? {} : { pin });
}

/** @param {View} of */
function submitNewPin({ pad, changeOffered }) {
  if (pad) return send({ action: 'change' });
  const pin = changeOffered ? (held?.pin ?? '') : field('pin').value;
  const newPin = field('newPin').value;
  if (pin === '') return complain('pinEmpty', 'pin');
  if (newPin === '') return complain('newPinEmpty', 'newPin');
  if (newPin === pin) return complain('pinSame', 'newPin');
  if (newPin !== field('repeatPin').value) return complain('pinsDiffer', 'repeatPin');
  held = { pin, newPin };
  send({ action: 'change', pin, newPin });
}

/** @param {View} of */
function submitUnblocking({ pad }) {
  if (pad) return send({ action: 'unblock' });
  const soPin = field('soPin').value;
  const newPin = field('newPin').value;
  if (soPin === '') return complain('soPinEmpty', 'soPin');
  if (newPin === '') return complain('newPinEmpty', 'newPin');
  if (newPin !== field('repeatPin').value) return complain('pinsDiffer', 'repeatPin');
  held = { newPin };
  send({ action: 'unblock', soPin, newPin });
}

/** @param {NonNullable<typeof mistake>} what @param {string} where */
function complain(what, where) {
  mistake = what;
  if (view) render(view);
  field(where).setAttribute('aria-invalid', 'true');
  field(where).focus();
}

/** Empties a field and hides what is typed next. @param {string} id */
function conceal(id) {
  field(id).value = '';
  field(id).type = 'password';
}

/** @param {View} now */
function render(now) {
  const words = WORDS[language];
  document.documentElement.lang = words.language;
  for (const one of document.querySelectorAll('[data-text]')) {
    const name = /** @type {HTMLElement} */ (one).dataset.text ?? '';
    one.textContent = /** @type {Record<string, any>} */ (words)[name];
  }
  document.querySelector('main')?.setAttribute('aria-busy', String(now.state === 'working'));
  renderHeading(now, words);
  renderFacts(now, words);
  renderAlert(now, words);
  renderForm(now, words);
  renderProgress(now, words);
  renderButtons(now, words);
  show('keyCode', now.state === 'keyCode');
  write('code', now.keyCode ?? '');
  renderClock();
}

/** @param {View} now @param {Words} words */
function renderHeading({ state, form, command, changeOffered, error, validUntil }, words) {
  const locked = state === 'asking' && form === 'locked';
  const does = form === 'unblock' ? 'unblockPin' : command;
  const operation = locked ? words.lockedHeading : words.headings[/** @type {keyof Words['headings']} */ (does)];
  const failed = codeOf(error) === 'so_pin_locked' ? words.lockedHeading : words.failedHeading;
  const heading = state === 'keyCode' ? words.keyCode : state === 'failed' ? failed : operation;
  write('heading', heading);
  document.title = `${heading} — Qcert`;
  const purpose = validUntil === undefined ? command : 'removeKeyPairWithCertificate';
  write('purpose', words.purposes[/** @type {keyof Words['purposes']} */ (purpose)]);
  show('purpose', asksForIt({ state, form, command, changeOffered }));
}

/** Is what the page wants asked now, and nothing that has to come first? @param {Pick<View, 'state' | 'form' | 'command' | 'changeOffered'>} of */
function asksForIt({ state, form, command, changeOffered }) {
  const first = form === 'factory' || form === 'locked' || changeOffered || (form === 'unblock' && command !== 'unblockPin');
  return state === 'asking' && !first;
}

/** @param {View} now @param {Words} words */
function renderFacts({ state, form, site, token, container, renews, validUntil, tries, command, changeOffered }, words) {
  write('site', site);
  write('token', token.label || token.model);
  write('serial', token.serial && words.serial(token.serial));
  write('container', container);
  show('containerRow', container !== '');
  write('renews', renews ?? '');
  show('renewsRow', renews !== undefined);
  // Both dates, for the host goes by the computer's clock, and that may be wrong.
  write('validUntil', validUntil === undefined ? '' : day(new Date(validUntil), words));
  write('today', day(new Date(), words));
  for (const row of ['validUntilRow', 'todayRow']) show(row, validUntil !== undefined);
  write('tries', words.tries[/** @type {keyof Words['tries']} */ (tries)] ?? '');
  element('tries').dataset.tries = tries;
  show('triesRow', form !== 'unblock' && asksForIt({ state, form, command, changeOffered }));
}

/** @param {Date} date @param {Words} words */
function day(date, words) {
  return date.toLocaleDateString(words.language, { dateStyle: 'long' });
}

/** @param {View} now @param {Words} words */
function renderAlert({ state, form, error }, words) {
  const code = codeOf(error);
  const factory = state === 'asking' && form === 'factory';
  let text = '';
  if (mistake) text = words[mistake];
  else if (factory) text = words.factoryHeading;
  else if (code === 'pin_factory') text = words.newPinFactory;
  else if (code !== undefined) text = errorWords(words, code);
  const wrong = (code === 'pin_incorrect' || code === 'so_pin_incorrect') && !mistake;
  const tries = wrong ? (/** @type {any} */ (error).triesLeft ?? 'full') : '';
  const afterWrong = code === 'so_pin_incorrect' ? words.triesAfterWrongSo : words.triesAfterWrong;
  const more = factory ? words.factory : afterWrong[/** @type {keyof Words['triesAfterWrong']} */ (tries)];
  const visible = text !== '' && (state === 'asking' || state === 'failed');
  write('alertText', visible ? text : '');
  write('alertMore', (visible && more) || '');
  show('alertMore', visible && Boolean(more));
  show('alert', visible);
  element('alert').className = factory ? 'advice' : 'error';
}

/** Is something typed into it? @param {View['form']} form */
function hasFields(form) {
  return form !== 'factory' && form !== 'locked';
}

/** @param {View} now @param {Words} words */
function renderForm({ state, form, command, pad, changeOffered, module, pinLength, error }, words) {
  const changing = form === 'change';
  const unblocking = form === 'unblock';
  show('form', state === 'asking' && hasFields(form));
  show('pad', pad);
  show('changeFirst', changing && changeOffered);
  show('unblockFirst', unblocking && command !== 'unblockPin');
  show('soPinField', unblocking && !pad);
  show('pinField', !pad && !unblocking && !(changing && changeOffered));
  show('newPinFields', (changing || unblocking) && !pad);
  write('pinLength', words.pinLength(pinLength.min, pinLength.max));
  show('register', module !== undefined && !changing && !unblocking);
  write('registerLabel', words.register(module ?? ''));
  for (const id of SECRETS) field(id).removeAttribute('aria-invalid');
  if (codeOf(error) === 'so_pin_incorrect') field('soPin').setAttribute('aria-invalid', 'true');
  if (codeOf(error) === 'pin_incorrect') field('pin').setAttribute('aria-invalid', 'true');
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.reveal'))) {
    const revealed = field(button.dataset.reveals ?? '').type === 'text';
    button.setAttribute('aria-pressed', String(revealed));
    button.setAttribute('aria-label', revealed ? words.hidePin : words.showPin);
    button.title = revealed ? words.hidePin : words.showPin;
  }
}

/** @param {View} now @param {Words} words */
function renderProgress({ state, command, form, pad, stage }, words) {
  const stopping = state === 'stopping';
  const working = stopping || state === 'working' || state === 'pinChanged';
  const awaitsPad = pad && (stage === undefined || stage === 'loggingIn');
  const setting = { change: words.changingPin, unblock: words.unblockingPin };
  const newPin = form === 'change' || form === 'unblock' ? setting[form] : undefined;
  const steady = newPin ?? (command === 'removeKeyPair' ? words.removingKey : words.working);
  show('progress', working);
  write('progressText', stopping ? words.stopping : awaitsPad ? words.padWorking : steady);
  const stages = newPin ? [] : (STAGES[command] ?? []);
  const current = stages.findIndex((name) => name === stage);
  write('stageNow', current < 0 ? '' : words.stages[stages[current]]);
  element('stages').replaceChildren(
    ...stages.map((name, index) => {
      const item = document.createElement('li');
      item.textContent = words.stages[name];
      item.className = index < current ? 'done' : index === current ? 'now' : '';
      if (index === current) item.setAttribute('aria-current', 'step');
      return item;
    }),
  );
}

/** @param {View} now @param {Words} words */
function renderButtons({ state, form }, words) {
  const asking = state === 'asking';
  const finished = state === 'keyCode' || state === 'failed';
  write('submit', form === 'change' ? words.change : form === 'unblock' ? words.unblock : words.ok);
  show('submit', asking && hasFields(form));
  show('factoryChange', asking && form === 'factory');
  show('factoryKeep', asking && form === 'factory');
  show('offerUnblock', asking && form === 'locked');
  write('cancel', asking && form === 'locked' ? words.close : words.cancel);
  show('cancel', !finished);
  /** @type {HTMLButtonElement} */ (element('cancel')).disabled = state === 'stopping';
  show('close', finished);
  element('buttons').classList.toggle('stacked', asking && form === 'factory');
}

function renderClock() {
  const running = view !== undefined && view.state !== 'keyCode' && view.state !== 'failed';
  show('clock', running);
  const seconds = Math.max(0, Math.ceil(((view?.deadline ?? 0) - Date.now()) / 1000));
  write('timeLeft', `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`);
  element('clock').classList.toggle('short', seconds <= 60);
}

/** @param {View} now */
function moveFocus({ state, form, pad, changeOffered }) {
  if (state === 'keyCode' || state === 'failed') return element('heading').focus();
  if (state !== 'asking') return element('cancel').focus();
  if (form === 'factory') return element('factoryChange').focus();
  if (form === 'locked') return element('offerUnblock').focus();
  if (pad) return element('submit').focus();
  field(form === 'unblock' ? 'soPin' : form === 'change' && changeOffered ? 'newPin' : 'pin').focus();
}

/** @param {any} error @returns {string | undefined} */
function codeOf(error) {
  return error?.code;
}

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  mistake = undefined;
  if (view?.state !== 'asking') return;
  if (view.form === 'change') submitNewPin(view);
  else if (view.form === 'unblock') submitUnblocking(view);
  else if (view.form === 'pin') submitPin(view);
});
element('factoryChange').addEventListener('click', () => send({ action: 'offerChange' }));
element('offerUnblock').addEventListener('click', () => send({ action: 'offerUnblock' }));
element('factoryKeep').addEventListener('click', () => submit({ pin: held?.pin, keepFactoryPin: true }));
element('cancel').addEventListener('click', () => send({ action: 'cancel' }));
element('close').addEventListener('click', () => send({ action: 'close' }));
element('language').addEventListener('click', () => {
  language = language === 'ru' ? 'en' : 'ru';
  localStorage.setItem(LANGUAGE_KEY, language);
  if (view) render(view);
});
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.reveal'))) {
  button.addEventListener('click', () => {
    const revealed = field(button.dataset.reveals ?? '');
    revealed.type = revealed.type === 'password' ? 'text' : 'password';
    if (view) render(view);
    revealed.focus();
  });
}
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !view) return;
  const finished = view.state === 'keyCode' || view.state === 'failed';
  send({ action: finished ? 'close' : 'cancel' });
});
setInterval(renderClock, 1000);
