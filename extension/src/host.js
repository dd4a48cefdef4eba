/** The native messaging host of one page: one process, one port, requests by id (protocol/PROTOCOL.md §3). */

import { Failure } from './failure.js';
import { PROTOCOL_VERSION } from './messages.js';
import { stateMachine } from './states.js';
import { versionMismatch } from './versions.js';

const HOST_NAME = 'ru.qcert.host';
const HELLO_LIMIT_MS = 10_000;

/**
 * @typedef {{ tag: string | undefined, resolve: (result: any) => void, reject: (failure: Failure) => void }} Waiting
 * @typedef {{ onEvent: (event: any) => void, onGone: (failure: Failure) => void }} Listener
 */

export class Host {
  #machine = stateMachine(
    'host',
    { closed: ['greeting'], greeting: ['ready', 'closed'], ready: ['closed'] },
    'closed',
  );
  #api;
  #origin;
  #listener;
  /** @type {chrome.runtime.Port | undefined} */
  #port;
  /** @type {Promise<{ hostVersion: string, hostMinor: number }> | undefined} */
  #opened;
  /** The major version of the last hello, even of one that was refused. @type {number | undefined} */
  protocolVersion;
  /** @type {Map<string, Waiting>} */
  #waiting = new Map();
  #lastId = 0;

  /**
   * @param {typeof chrome} api
   * @param {string} origin as the browser said it of the page
   * @param {Listener} listener hears the host's events, with a request's `id` replaced by its tag, and of its end
   */
  constructor(api, origin, listener) {
    this.#api = api;
    this.#origin = origin;
    this.#listener = listener;
  }

  /** Starts the host at the first need, and hears its hello. */
  open() {
    this.#opened ??= this.#start();
    return this.#opened;
  }

  /**
   * @param {string} command
   * @param {object} params
   * @param {{ tag?: string, authorization?: import('./messages.js').Authorization }} [more] `tag` names it in
   *   `cancel` and in progress events
   */
  async call(command, params, { tag, authorization } = {}) {
    await this.open();
    const id = String(++this.#lastId);
    this.#port?.postMessage({ id, origin: this.#origin, command, params, ...(authorization && { authorization }) });
    return this.#answer(id, tag);
  }

  /** Apart from `call`, so that nothing that waits for the answer can still reach the PIN. @param {string} id @param {string} [tag] */
  #answer(id, tag) {
    return new Promise((resolve, reject) => this.#waiting.set(id, { tag, resolve, reject }));
  }

  /**
   * Ends the request with this tag, if there is one: it is answered by the host with `cancelled`, or with its result
   * if it was too late.
   * @param {string} tag
   * @returns {Promise<{ found: boolean }>}
   */
  async cancel(tag) {
    const entry = [...this.#waiting].find(([, waiting]) => waiting.tag === tag);
    return entry ? this.call('cancel', { request: entry[0] }) : { found: false };
  }

  /** The page went away: nobody waits any more. */
  close() {
    this.#port?.disconnect();
    this.#end(new Failure('cancelled'));
  }

  /** @returns {Promise<{ hostVersion: string, hostMinor: number }>} */
  #start() {
    this.#machine.move('greeting');
    const port = this.#api.runtime.connectNative(HOST_NAME);
    this.#port = port;
    return new Promise((resolve, reject) => {
      const refuse = (/** @type {Failure} */ failure) => {
        clearTimeout(limit);
        port.disconnect();
        if (this.#port === port) this.#end(failure);
        reject(failure);
      };
      const limit = setTimeout(() => refuse(new Failure('workstation_timeout')), HELLO_LIMIT_MS);
      port.onDisconnect.addListener(() => {
        // Firefox keeps the reason on the port.
        const reason = this.#api.runtime.lastError?.message ?? /** @type {any} */ (port).error?.message;
        const wasReady = this.#machine.is('ready');
        const failure = Failure.fromDisconnect(wasReady ? '' : reason);
        refuse(failure);
        if (wasReady) this.#listener.onGone(failure);
      });
      port.onMessage.addListener((frame) => {
        if (this.#port !== port) return;
        if (this.#machine.is('ready')) return this.#hear(frame);
        const mismatch = helloMismatch(frame);
        this.protocolVersion = frame?.protocolVersion;
        if (mismatch) return refuse(mismatch);
        clearTimeout(limit);
        this.#machine.move('ready');
        resolve({ hostVersion: frame.hostVersion, hostMinor: frame.protocolMinor ?? 0 });
      });
    });
  }

  /** @param {any} frame */
  #hear(frame) {
    if (frame?.event === 'tokensChanged') return this.#listener.onEvent(frame);
    if (frame?.event === 'progress') {
      const tag = this.#waiting.get(frame.id)?.tag;
      if (tag !== undefined) this.#listener.onEvent({ event: 'progress', id: tag, stage: String(frame.stage) });
      return;
    }
    const waiting = this.#waiting.get(frame?.id);
    if (!waiting) return;
    this.#waiting.delete(frame.id);
    if (frame.error === undefined) waiting.resolve(frame.result ?? {});
    else waiting.reject(Failure.fromHost(frame.error));
  }

  /** @param {Failure} failure what everybody who waits is told */
  #end(failure) {
    if (this.#machine.is('closed')) return;
    this.#machine.move('closed');
    this.#port = undefined;
    this.#opened = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(failure);
  }
}

/**
 * The host speaks first; a host of another version ends the conversation.
 * @param {any} frame
 */
function helloMismatch(frame) {
  if (frame?.event !== 'hello' || !Number.isSafeInteger(frame.protocolVersion)) return new Failure('frame_malformed');
  return versionMismatch(PROTOCOL_VERSION, frame.protocolVersion);
}
