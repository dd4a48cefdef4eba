/** Shapes of messages: what a page may ask (protocol/PROTOCOL.md §2, §3), and what the PIN window may say. */

import { Failure } from './failure.js';

/** Major version of the protocol: page, extension and host speak to each other when it is equal. */
export const PROTOCOL_VERSION = 1;

/** Minor version: what grew since. Who has a larger one does without what the other does not know. */
export const PROTOCOL_MINOR = 2;

/** Longest message from a page, in UTF-16 units: three bytes each at most, so a frame stays below the host's 256 KiB. */
export const MAX_PAGE_MESSAGE = 64 * 1024;

/** @typedef {(value: unknown) => boolean} Check */

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
/** An object with these members, and no others. @param {Readonly<Record<string, Check>>} checks @returns {Check} */
const members = (checks) => (value) =>
  isObject(value) &&
  Object.keys(value).every((name) => Object.hasOwn(checks, name)) &&
  Object.entries(checks).every(([name, check]) => check(value[name]));
/** @param {number} max @returns {Check} */
const text = (max) => (value) => typeof value === 'string' && value.length > 0 && value.length <= max;
/** @param {RegExp} form @returns {Check} */
const like = (form) => (value) => typeof value === 'string' && form.test(value);
/** Text that is shown: no control characters, and none that turn the direction of writing. @param {number} max @returns {Check} */
const shown = (max) => (value) => text(max)(value) && !/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u.test(String(value));
/** @param {number} max @returns {Check} */
const base64 = (max) => (value) => text(max)(value) && like(/^[A-Za-z0-9+/]+={0,2}$/)(value);
/** @type {Check} */
const boolean = (value) => typeof value === 'boolean';
/** @type {Check} */
const whole = (value) => Number.isSafeInteger(value);
const token = text(256);
const id = text(64);
const keyId = like(/^[0-9a-f]{40}$/);
/** What is needed to make a key pair. */
const newPair = {
  token,
  container: shown(200),
  commonName: shown(256),
  algorithm: like(/^(P-256|P-384|RSA-2048)$/),
  sensor: base64(8 * 1024),
};

/**
 * The allow list: every command a page may give, with its parameters. All are required but for a minor version.
 * @type {Readonly<Record<string, Readonly<Record<string, Check>>>>}
 */
export const PAGE_COMMANDS = {
  hello: { protocolVersion: whole, protocolMinor: (value) => value === undefined || whole(value) },
  closeWindow: {},
  listTokens: {},
  watchTokens: { on: boolean },
  tokenDetails: { token },
  storeState: { token },
  diagnose: { names: boolean, log: boolean },
  cancel: { request: id },
  createRequest: newPair,
  // The nonce is 32 bytes.
  renewRequest: { ...newPair, renews: members({ keyId, nonce: like(/^[A-Za-z0-9+/]{43}=$/) }) },
  requestAgain: { token, container: shown(200), keyId, commonName: shown(256) },
  installCertificate: { token, container: shown(200), certificate: base64(48 * 1024) },
  removeKeyPair: { token, keyId },
  changePin: { token },
  unblockPin: { token },
};

/** Commands whose result is a request for a certificate, and a key's code that the person is shown. */
export const REQUEST_COMMANDS = new Set(['createRequest', 'renewRequest', 'requestAgain']);

/** Commands that a person confirms, with the PIN, in the extension's own window. */
export const CONFIRMED_COMMANDS = new Set([...REQUEST_COMMANDS, 'installCertificate', 'removeKeyPair', 'changePin', 'unblockPin']);

/** Minor versions of hosts that know a command, if not every host does: no PIN is asked for in vain. @type {Readonly<Record<string, number>>} */
export const SINCE_MINOR = { unblockPin: 1, renewRequest: 2, requestAgain: 2 };

/**
 * A page's message, reduced to what it may say: `origin` and `authorization` of a page are not copied.
 * @param {any} message
 * @returns {{ id: string, command: string, params: Record<string, any> }}
 */
export function readPageMessage(message) {
  if (!isObject(message) || !id(message.id)) throw new Failure('frame_malformed');
  if (JSON.stringify(message).length > MAX_PAGE_MESSAGE) throw new Failure('frame_too_large');
  const { id: pageId, command, params = {} } = message;
  if (typeof command !== 'string') throw new Failure('frame_malformed');
  if (!Object.hasOwn(PAGE_COMMANDS, command)) throw new Failure('command_unknown');
  if (!members(PAGE_COMMANDS[command])(params)) throw new Failure('frame_malformed');
  return { id: String(pageId), command, params: /** @type {Record<string, any>} */ (params) };
}

/**
 * What the window sends. `submit`: go on, with the PIN or (PIN pad) without. `offerChange`: the factory PIN shall be
 * changed first. `change`: the old and the new PIN. `offerUnblock`: the locked PIN shall be replaced. `unblock`: the
 * administrator's PIN and the new one. `shown`: the key's code is on screen.
 * @typedef {'submit' | 'offerChange' | 'change' | 'offerUnblock' | 'unblock' | 'shown' | 'cancel' | 'close'} WindowAction
 * @typedef {{ pin?: string, newPin?: string, soPin?: string, keepFactoryPin?: boolean, registerModule?: boolean }} Authorization
 */

const ACTIONS = ['submit', 'offerChange', 'change', 'offerUnblock', 'unblock', 'shown', 'cancel', 'close'];
const MAX_PIN_BYTES = 255;

/** @type {Check} */
const pin = (value) => typeof value === 'string' && value !== '' && new TextEncoder().encode(value).length <= MAX_PIN_BYTES;

/**
 * A window's message. Takes the PIN out of it, so that the caller's reference is the only one.
 * @param {any} message
 * @returns {{ action: WindowAction, authorization: Authorization }}
 */
export function takeWindowMessage(message) {
  if (!isObject(message) || !ACTIONS.includes(String(message.action))) throw new Failure('frame_malformed');
  /** @type {Record<string, unknown>} */
  const authorization = {};
  for (const [name, check] of Object.entries({ pin, newPin: pin, soPin: pin, keepFactoryPin: boolean, registerModule: boolean })) {
    if (message[name] === undefined) continue;
    if (!check(message[name])) throw new Failure(check === pin ? 'pin_length_invalid' : 'frame_malformed');
    authorization[name] = message[name];
    delete message[name];
  }
  return { action: /** @type {WindowAction} */ (message.action), authorization };
}
