/** The window of a dialog on screen: opened over the middle of the page's, and closed. */

export const WINDOW_PAGE = 'window/pin.html';
const SIZE = { width: 460, height: 700 };

export class Popup {
  #api;
  #near;
  /** @type {Promise<chrome.windows.Window | undefined> | undefined} */
  #window;

  /**
   * @param {typeof chrome} api
   * @param {number | undefined} near the browser window that it belongs to
   */
  constructor(api, near) {
    this.#api = api;
    this.#near = near;
  }

  /** Was it opened, and not closed? */
  get opened() {
    return this.#window !== undefined;
  }

  /** @param {() => void} failed the browser opens none */
  open(failed) {
    this.#window = this.#place()
      .then((place) => this.#api.windows.create({ type: 'popup', url: WINDOW_PAGE, focused: true, ...SIZE, ...place }))
      .catch(() => {
        this.#window = undefined;
        failed();
        return undefined;
      });
  }

  /** Its tab, once it is there. */
  async tabId() {
    return (await this.#window)?.tabs?.[0]?.id;
  }

  /** @param {number} windowId */
  async is(windowId) {
    return (await this.#window)?.id === windowId;
  }

  focus() {
    void this.#withWindow((id) => this.#api.windows.update(id, { focused: true }));
  }

  close() {
    void this.#withWindow((id) => this.#api.windows.remove(id));
    this.forget();
  }

  /** It is closed already. */
  forget() {
    this.#window = undefined;
  }

  /** @param {(id: number) => Promise<unknown>} use */
  async #withWindow(use) {
    const id = (await this.#window)?.id;
    // It may be closed already, and then there is nothing to do.
    if (id !== undefined) await use(id).catch(() => {});
  }

  async #place() {
    if (this.#near === undefined) return {};
    // The tab may have left that window since the page connected, and the window be gone.
    const near = await this.#api.windows.get(this.#near).catch(() => undefined);
    if (!near) return {};
    const { left = 0, top = 0, width = 0, height = 0 } = near;
    return {
      left: Math.max(0, Math.round(left + (width - SIZE.width) / 2)),
      top: Math.max(0, Math.round(top + (height - SIZE.height) / 3)),
    };
  }
}
