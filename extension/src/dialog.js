/**
 * One operation that needs the person: its window, its named states, and the PIN's way through.
 *
 * **Invariant:** no field of this class ever holds a PIN. It comes with a message of the window, goes into one frame
 * to the host, and is forgotten; when it is needed again, the window sends it again.
 */

import { Failure } from './failure.js';
import { REQUEST_COMMANDS, SINCE_MINOR, takeWindowMessage } from './messages.js';
import { Popup } from './popup.js';
import { stateMachine } from './states.js';

const LIMIT_MS = 10 * 60_000;
/** How long the host may take to answer a cancelled operation. */
const STOP_LIMIT_MS = 15_000;
/** @type {Readonly<Record<string, Form>>} what a command asks first, if not the PIN */
const FORMS = { changePin: 'change', unblockPin: 'unblock' };
/** Failures that the window asks about again. */
const SETTLED = ['pin_incorrect', 'pin_length_invalid', 'pin_factory', 'pin_required', 'so_pin_incorrect'];

/**
 * @typedef {{ id: string, command: string, params: Record<string, any>, site: string, near?: number }} Operation
 *   `id` is the page's; `near` is the browser window that it belongs to
 * @typedef {'opening' | 'asking' | 'working' | 'pinChanged' | 'stopping' | 'keyCode' | 'failed' | 'closed'} DialogState
 * @typedef {'pin' | 'factory' | 'change' | 'locked' | 'unblock'} Form what is asked: the PIN, what to do with a factory
 *   PIN, a new PIN, what to do with a locked one, a new PIN with the administrator's
 *
 * What the window shows: everything it knows comes in one of these.
 * @typedef {object} View
 * @property {DialogState} state
 * @property {Form} form
 * @property {string} command
 * @property {string} site
 * @property {{ label: string, serial: string, model: string }} token
 * @property {string} container empty if the operation has none
 * @property {string} [renews] container of the key that vouches for the new one
 * @property {string} [validUntil] last second of the certificate that goes with the pair, RFC 3339
 * @property {string} tries what the token tells of tries left: full, low, final, none
 * @property {{ min: number, max: number }} pinLength
 * @property {boolean} pad the reader has its own PIN pad
 * @property {boolean} changeOffered the change of a factory PIN, on the way to the operation
 * @property {string} [module] to be registered with the person's certificate store
 * @property {number} deadline in milliseconds since 1970
 * @property {object} [error] a Failure
 * @property {string} [stage] where the host is
 * @property {string} [keyCode]
 */

export class Dialog {
  /** @type {ReturnType<typeof stateMachine<DialogState>>} */
  #machine = stateMachine(
    'dialog',
    {
      opening: ['asking', 'failed', 'closed'],
      asking: ['asking', 'working', 'failed', 'closed'],
      working: ['asking', 'pinChanged', 'stopping', 'keyCode', 'failed', 'closed'],
      pinChanged: ['working', 'failed', 'closed'],
      stopping: ['keyCode', 'closed'],
      keyCode: ['closed'],
      failed: ['closed'],
      closed: [],
    },
    'opening',
  );
  #host;
  #operation;
  #popup;
  /** @type {View} */
  #view;
  /** @type {chrome.runtime.Port | undefined} */
  #port;
  /** @type {ReturnType<typeof setTimeout>} */
  #limit;
  /** @type {object | undefined} */
  #result;
  /** Why it is being stopped. */
  #stopCode = 'cancelled';
  /** @type {(result: object) => void} */
  #resolve = () => {};
  /** @type {(failure: Failure) => void} */
  #reject = () => {};

  /**
   * @param {typeof chrome} api
   * @param {import('./host.js').Host} host
   * @param {Operation} operation
   */
  constructor(api, host, operation) {
    this.#host = host;
    this.#operation = operation;
    this.#popup = new Popup(api, operation.near);
    this.#view = {
      state: 'opening',
      form: FORMS[operation.command] ?? 'pin',
      command: operation.command,
      site: operation.site,
      token: { label: '', serial: '', model: '' },
      container: operation.params.container ?? '',
      tries: 'full',
      pinLength: { min: 1, max: 255 },
      pad: false,
      changeOffered: false,
      deadline: Date.now() + LIMIT_MS,
    };
    /** What the page is answered. @type {Promise<object>} */
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#limit = setTimeout(() => this.#stop('dialog_expired'), LIMIT_MS);
    this.#open().catch((error) => this.#fail(Failure.from(error)));
  }

  /** Does the operation still go on? */
  get busy() {
    return !this.#machine.is('keyCode', 'failed', 'closed');
  }

  /** Does it work, or is it about to, with this token? @param {string} token */
  uses(token) {
    return this.busy && this.#operation.params.token === token;
  }

  /** The tab of the window that this dialog opened, once it is there. */
  tabId() {
    return this.#popup.tabId();
  }

  /** @param {chrome.runtime.Port} port of the page in our window */
  attach(port) {
    this.#port = port;
    port.onMessage.addListener((message) => {
      if (this.#port !== port) return;
      try {
        const { action, authorization } = takeWindowMessage(message);
        this.#act(action, authorization);
      } catch (error) {
        this.#show({ error: Failure.from(error) });
      }
    });
    this.#show({});
  }

  /** @param {any} event of the host */
  hear(event) {
    if (event.event === 'progress' && event.id === this.#operation.id && this.#machine.is('working')) {
      this.#show({ stage: event.stage });
    }
    if (event.event === 'tokensChanged' && this.#machine.is('asking') && Array.isArray(event.readers)) {
      const there = event.readers.some((/** @type {any} */ reader) => reader?.token?.id === this.#operation.params.token);
      if (!there) this.#fail(new Failure('token_removed'));
    }
  }

  /** @param {Failure} failure */
  hostGone(failure) {
    if (this.#machine.is('asking', 'pinChanged')) this.#fail(failure);
  }

  /** @param {number} windowId of a window that the person, or we, closed */
  async windowRemoved(windowId) {
    if (!(await this.#popup.is(windowId))) return;
    this.#popup.forget();
    this.#port = undefined;
    if (this.#machine.is('stopping')) return;
    if (this.busy) this.#leave();
    else this.#finish();
  }

  /**
   * The page cancels one of its calls.
   * @param {string} id
   * @returns {Promise<object> | undefined} nothing if it is not this operation
   */
  cancel(id) {
    if (id !== this.#operation.id || !this.busy) return undefined;
    this.#stop('cancelled');
    return Promise.resolve({ found: true });
  }

  /** The page has no more need of the key's code on screen. */
  closeFinished() {
    if (this.#machine.is('keyCode', 'failed')) this.#finish();
  }

  /** The page is gone, or begins something else. */
  end() {
    // What was done is told, though nobody saw the code.
    this.#finish(this.#result ? undefined : new Failure('cancelled'));
  }

  /** Brings the window to the front, for a page that asks for a second one. */
  focus() {
    this.#popup.focus();
  }

  async #open() {
    const { command, params } = this.#operation;
    const { hostMinor } = await this.#host.open();
    if (hostMinor < (SINCE_MINOR[command] ?? 0)) throw new Failure('command_unknown', { detail: `${command}: host ${hostMinor}` });
    const details = await this.#host.call('tokenDetails', { token: params.token });
    const store = command === 'installCertificate' ? await this.#storeState() : undefined;
    if (!this.#machine.is('opening')) return;
    const { name, pin } = details.token;
    const container = (/** @type {string | undefined} */ keyId) => details.containers.find((/** @type {any} */ one) => one.keyId === keyId);
    const removed = command === 'removeKeyPair' ? container(params.keyId) : undefined;
    Object.assign(this.#view, {
      token: name,
      container: params.container ?? removed?.label ?? '',
      renews: container(params.renews?.keyId)?.label,
      validUntil: removed?.certificate?.notAfter,
      tries: pin.tries,
      pinLength: { min: pin.minLength, max: pin.maxLength },
      pad: pin.pad,
      module: store && !store.moduleRegistered && !store.error ? store.module : undefined,
    });
    this.#machine.move('asking');
    if (pin.tries === 'none') this.#tellLocked();
    this.#present();
  }

  /** Whoever knows the administrator's PIN can go on. */
  #tellLocked() {
    const change = { tries: 'none', changeOffered: false };
    if (this.#view.form === 'unblock') this.#show(change);
    else this.#show({ ...change, form: 'locked', error: new Failure('pin_locked') });
  }

  /** Only for the offer to register the module: what is wrong with the store is told with the installation. */
  async #storeState() {
    return this.#host.call('storeState', { token: this.#operation.params.token }).catch(() => undefined);
  }

  /** @param {import('./messages.js').WindowAction} action @param {import('./messages.js').Authorization} authorization */
  #act(action, authorization) {
    const { command, params } = this.#operation;
    const asks = this.#machine.is('asking');
    if (action === 'submit' && !FORMS[command] && (asks || this.#machine.is('pinChanged'))) {
      this.#work(command, params, authorization);
    } else if (action === 'change' && asks && this.#view.form === 'change') {
      this.#work('changePin', { token: params.token }, authorization);
    } else if (action === 'offerChange' && asks && this.#view.form === 'factory') {
      this.#machine.move('asking');
      this.#show({ form: 'change', changeOffered: true, error: undefined });
    } else if (action === 'offerUnblock' && asks && this.#view.form === 'locked') {
      this.#machine.move('asking');
      this.#show({ form: 'unblock', error: undefined });
    } else if (action === 'unblock' && asks && this.#view.form === 'unblock') {
      this.#work('unblockPin', { token: params.token }, authorization);
    } else if (action === 'shown' && this.#machine.is('keyCode')) {
      this.#resolve(this.#result ?? {});
    } else if (action === 'cancel' && this.busy) {
      this.#leave();
    } else if (action === 'close') {
      this.closeFinished();
    }
  }

  /** @param {string} command @param {object} params @param {import('./messages.js').Authorization} authorization */
  #work(command, params, authorization) {
    this.#machine.move('working');
    this.#show({ error: undefined, stage: undefined });
    this.#await(command, this.#host.call(command, params, { tag: this.#operation.id, authorization }));
  }

  /** Apart from `#work`, so that nothing that waits for the host can still reach the PIN. @param {string} command @param {Promise<any>} answer */
  #await(command, answer) {
    answer
      .then((result) => this.#succeeded(command, result))
      .catch((error) => this.#refused(command, Failure.from(error)));
  }

  /** @param {string} command @param {any} result */
  #succeeded(command, result) {
    if (this.#machine.is('closed')) return;
    // Of a locked PIN that was to be changed, the new one is set by now.
    if (command !== this.#operation.command && this.#operation.command !== 'changePin') {
      if (this.#machine.is('stopping')) return this.#finish(new Failure(this.#stopCode));
      // The factory PIN was changed, or the locked one: the window goes on by itself, with the new one.
      this.#machine.move('pinChanged');
      return this.#show({ form: 'pin', changeOffered: false, tries: 'full' });
    }
    this.#result = result;
    if (!REQUEST_COMMANDS.has(command)) return this.#finish();
    this.#machine.move('keyCode');
    clearTimeout(this.#limit);
    this.#view.keyCode = String(result.keyCode);
    // Closed too late to cancel: the code is still the person's to see.
    if (this.#popup.opened) this.#show({});
    else this.#present();
  }

  /** @param {string} command @param {Failure} failure */
  #refused(command, failure) {
    if (this.#machine.is('closed')) return;
    if (this.#machine.is('stopping')) {
      return this.#finish(failure.code === 'cancelled' ? new Failure(this.#stopCode) : failure);
    }
    const { code, triesLeft } = failure;
    const locked = code === 'pin_locked' || (code === 'pin_incorrect' && triesLeft === 'none');
    if (!locked && !SETTLED.includes(code)) return this.#fail(failure);

    this.#machine.move('asking');
    if (locked) return this.#tellLocked();
    const form = FORMS[command] ?? 'pin';
    // The administrator's tries are told with the failure alone.
    const tries = code === 'so_pin_incorrect' ? this.#view.tries : (triesLeft ?? this.#view.tries);
    if (code === 'pin_factory' && form === 'pin') return this.#show({ form: 'factory', tries });
    // What looked like the factory PIN was not this token's: ask from the start.
    if (code === 'pin_incorrect' && this.#view.changeOffered) return this.#show({ form: 'pin', changeOffered: false, error: failure, tries });
    this.#show({ form, error: failure, tries });
  }

  /** Ends the operation on the person's wish. A PIN that is locked, and stays so, is what the page is told. */
  #leave() {
    const staysLocked = this.#machine.is('asking') && this.#view.tries === 'none' && this.#operation.command !== 'unblockPin';
    this.#stop(staysLocked ? 'pin_locked' : 'cancelled');
  }

  /** Ends the operation on the person's wish, or because its time ran out. @param {string} code */
  #stop(code) {
    if (!this.busy || this.#machine.is('stopping')) return;
    if (!this.#machine.is('working')) return this.#finish(new Failure(code));
    this.#machine.move('stopping');
    this.#stopCode = code;
    this.#show({});
    clearTimeout(this.#limit);
    // Nobody knows then whether it was cancelled.
    this.#limit = setTimeout(() => this.#finish(new Failure('workstation_timeout')), STOP_LIMIT_MS);
    this.#host.cancel(this.#operation.id).catch(() => {});
  }

  /** The operation failed: the page is told at once, the person reads it in the window. @param {Failure} failure */
  #fail(failure) {
    if (this.#machine.is('closed', 'keyCode', 'failed')) return;
    clearTimeout(this.#limit);
    this.#reject(failure);
    if (!this.#popup.opened || this.#machine.is('stopping')) return this.#finish(failure);
    this.#machine.move('failed');
    this.#show({ error: failure });
  }

  /** Closes the window and answers the page, if that was not done. @param {Failure} [failure] */
  #finish(failure) {
    if (this.#machine.is('closed')) return;
    this.#machine.move('closed');
    clearTimeout(this.#limit);
    if (failure) this.#reject(failure);
    else this.#resolve(this.#result ?? {});
    // Whoever closes the page does not wait for the answer.
    this.outcome.catch(() => {});
    this.#popup.close();
  }

  #present() {
    this.#popup.open(() => this.#fail(new Failure('workstation_timeout', { detail: 'windows.create' })));
  }

  /** @param {Partial<View>} change */
  #show(change) {
    Object.assign(this.#view, change, { state: this.#machine.state });
    try {
      this.#port?.postMessage(JSON.parse(JSON.stringify(this.#view)));
    } catch {
      // The window is being closed; windowRemoved says so.
    }
  }
}
