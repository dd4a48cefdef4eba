/** One page: its port, its host, and at most one window. When the page goes, all of it goes. */

import { Dialog } from './dialog.js';
import { Failure } from './failure.js';
import { Host } from './host.js';
import { CONFIRMED_COMMANDS, PROTOCOL_MINOR, PROTOCOL_VERSION, readPageMessage } from './messages.js';
import { PORTAL_ORIGIN } from './portal.js';
import { versionMismatch } from './versions.js';

const MAX_WAITING = 32;

export class PageSession {
  #api;
  #port;
  #sessions;
  #origin;
  #host;
  /** Ids of the page's calls that wait. @type {Set<string>} */
  #waiting = new Set();
  /** The window of the last operation that needed the person. @type {Dialog | undefined} */
  dialog;

  /**
   * @param {typeof chrome} api
   * @param {chrome.runtime.Port} port of our content script, in a top frame
   * @param {ReadonlySet<PageSession>} sessions of all pages, this one among them
   */
  constructor(api, port, sessions) {
    this.#api = api;
    this.#port = port;
    this.#sessions = sessions;
    // The browser's own word on who is there; what the page says of itself is never read.
    this.#origin = port.sender?.origin ?? '';
    this.#host = new Host(api, this.#origin, {
      onEvent: (event) => this.#tell(event),
      onGone: (failure) => {
        this.dialog?.hostGone(failure);
        this.#post({ qcert: 'event', event: 'disconnected', error: failure.toJSON() });
      },
    });
    port.onMessage.addListener((message) => void this.#hear(message));
  }

  /** The page is gone. */
  end() {
    this.dialog?.end();
    this.#host.close();
  }

  /** @param {any} message */
  async #hear(message) {
    const id = message?.id;
    if (typeof id !== 'string') return;
    if (this.#waiting.has(id)) return;
    this.#waiting.add(id);
    try {
      const result = await this.#answer(message);
      this.#post({ qcert: 'reply', id, result });
    } catch (error) {
      this.#post({ qcert: 'reply', id, error: Failure.from(error).toJSON() });
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** @param {any} message @returns {Promise<object>} */
  async #answer(message) {
    if (this.#origin !== PORTAL_ORIGIN) throw new Failure('extension_site_refused');
    if (this.#waiting.size > MAX_WAITING) throw new Failure('operation_in_progress');
    const { id, command, params } = readPageMessage(message);
    if (command === 'hello') return this.#hello(params.protocolVersion);
    if (command === 'closeWindow') {
      this.dialog?.closeFinished();
      return {};
    }
    if (command === 'cancel') return this.dialog?.cancel(params.request) ?? this.#host.cancel(params.request);
    if (CONFIRMED_COMMANDS.has(command)) return this.#confirmed(id, command, params);
    return this.#host.call(command, params, { tag: id });
  }

  /** All parts are there, of one major version, and the host serves this site. @param {number} pageVersion */
  async #hello(pageVersion) {
    const { hostVersion, hostMinor } = await this.#host.open().catch((failure) => {
      throw versionMismatch(pageVersion, this.#host.protocolVersion) ?? failure;
    });
    const mismatch = versionMismatch(pageVersion, this.#host.protocolVersion);
    if (mismatch) throw mismatch;
    // The host answers `origin_refused` to whatever a site asks that it does not serve; this asks the least.
    await this.#host.call('cancel', { request: 'none' });
    const extensionVersion = this.#api.runtime.getManifest().version;
    return { extensionVersion, hostVersion, protocolVersion: PROTOCOL_VERSION, extensionMinor: PROTOCOL_MINOR, hostMinor };
  }

  /** @param {string} id @param {string} command @param {Record<string, any>} params */
  #confirmed(id, command, params) {
    if (this.dialog?.busy) {
      this.dialog.focus();
      throw new Failure('operation_in_progress');
    }
    const rival = [...this.#sessions].find((session) => session.dialog?.uses(params.token));
    if (rival) {
      rival.dialog?.focus();
      throw new Failure('token_busy');
    }
    this.dialog?.end();
    const near = this.#port.sender?.tab?.windowId;
    this.dialog = new Dialog(this.#api, this.#host, { id, command, params, site: this.#origin, near });
    return this.dialog.outcome;
  }

  /** @param {any} event of the host */
  #tell(event) {
    this.dialog?.hear(event);
    this.#post({ ...event, qcert: 'event' });
  }

  /** @param {object} message JSON; not copied, for the host's answers may be long */
  #post(message) {
    try {
      this.#port.postMessage(message);
    } catch {
      // The page went away while it was being answered; its end is told by onDisconnect.
    }
  }
}
