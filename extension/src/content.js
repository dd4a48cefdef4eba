/** The relay between the portal's page and the worker. It forwards; who is asking, the worker learns from the browser. */

(() => {
  const runtime = /** @type {typeof chrome.runtime} */ ((/** @type {any} */ (globalThis).browser ?? chrome).runtime);
  const MAX_MESSAGE = 64 * 1024;

  /** @type {chrome.runtime.Port | undefined} */
  let port;
  /** Ids of the page's calls that wait for a reply. @type {Set<string>} */
  const waiting = new Set();
  /** Has the host been used through this port? Then its end matters even when no call waits. */
  let used = false;

  /** @param {object} message */
  const toPage = (message) => window.postMessage(message, location.origin);
  /** @param {string} id @param {string} code */
  const refuse = (id, code) => toPage({ qcert: 'reply', id, error: { code } });

  /** The worker was stopped, or the extension reloaded. A worker that was merely idle is woken by the next call. */
  function disconnected() {
    port = undefined;
    const missed = used || waiting.size > 0;
    used = false;
    for (const id of waiting) refuse(id, 'extension_disconnected');
    waiting.clear();
    if (missed) toPage({ qcert: 'event', event: 'disconnected', error: { code: 'extension_disconnected' } });
  }

  function connect() {
    const opened = runtime.connect({ name: 'page' });
    opened.onMessage.addListener((message) => {
      if (message.qcert === 'reply') {
        waiting.delete(message.id);
        used ||= message.result !== undefined;
      } else if (message.event === 'disconnected') {
        used = false;
      }
      toPage(message);
    });
    opened.onDisconnect.addListener(() => {
      void runtime.lastError; // read, or Chromium complains of a page that went into the back/forward cache
      if (port === opened) disconnected();
    });
    return opened;
  }

  /** @param {{ id: string, command: unknown, params: unknown }} message */
  function forward(message) {
    try {
      port ??= connect();
      port.postMessage(message);
    } catch {
      // The port was closed unheard, or this script outlived its extension: then this throws again.
      disconnected();
      port = connect();
      port.postMessage(message);
    }
  }

  window.addEventListener('message', (event) => {
    if (event.source !== window || event.origin !== location.origin) return;
    if (event.data?.qcert !== 'request') return;
    // Only these three: an `origin` or `authorization` of the page stays here.
    const { id, command, params } = event.data;
    if (typeof id !== 'string' || id.length === 0 || id.length > 64) return;
    if (waiting.has(id)) return;
    try {
      const message = JSON.stringify({ id, command, params });
      if (message.length > MAX_MESSAGE) return refuse(id, 'frame_too_large');
      forward(JSON.parse(message));
      waiting.add(id);
    } catch {
      refuse(id, runtime.id === undefined ? 'extension_disconnected' : 'frame_malformed');
    }
  });

  // A page that comes back out of the back/forward cache has lost its host.
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted || !port) return;
    port.disconnect();
    disconnected();
  });

  document.documentElement.dataset.qcertExtension = runtime.getManifest().version;
})();
