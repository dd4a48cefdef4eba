/** An error with a code of protocol/PROTOCOL.md §4; the only kind that leaves the worker. */
export class Failure extends Error {
  /**
   * @param {string} code
   * @param {{ triesLeft?: string, detail?: string }} [more] what the token tells of tries; names for the support
   */
  constructor(code, { triesLeft, detail } = {}) {
    super(code);
    this.code = code;
    this.triesLeft = triesLeft;
    this.detail = detail;
  }

  /** As it travels to the page and to the window: nothing but the documented fields. */
  toJSON() {
    return {
      code: this.code,
      ...(this.triesLeft === undefined ? {} : { triesLeft: this.triesLeft }),
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }

  /**
   * The host's `error`, read with distrust.
   * @param {any} error
   */
  static fromHost(error) {
    if (typeof error?.code !== 'string') return new Failure('frame_malformed');
    const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : undefined);
    return new Failure(error.code, { triesLeft: text(error.triesLeft), detail: text(error.detail) });
  }

  /**
   * Why the native port closed. The browsers say it in English sentences only: Chromium's three, then Firefox's, which
   * is the same for a host that is registered for another extension as for none.
   * @param {string | undefined} reason
   */
  static fromDisconnect(reason = '') {
    if (/host not found|failed to start native|no such native application/i.test(reason)) return new Failure('host_missing');
    if (/forbidden|does not have permission/i.test(reason)) return new Failure('host_forbidden');
    return new Failure('host_exited');
  }

  /** @param {unknown} error */
  static from(error) {
    if (error instanceof Failure) return error;
    console.error(error);
    return new Failure('frame_malformed');
  }
}
