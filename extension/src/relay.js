/** Who may connect: our content script in a tab's top frame, and the window that we opened ourselves. */

import { PageSession } from './page-session.js';
import { WINDOW_PAGE } from './popup.js';

/** @param {typeof chrome} api */
export function startRelay(api) {
  /** @type {Set<PageSession>} */
  const sessions = new Set();

  api.runtime.onConnect.addListener((port) => {
    if (port.sender?.id !== api.runtime.id) return port.disconnect();
    if (port.name === 'page' && isTopFrame(port.sender)) {
      const session = new PageSession(api, port, sessions);
      sessions.add(session);
      port.onDisconnect.addListener(() => {
        sessions.delete(session);
        session.end();
      });
    } else if (port.name === 'window' && isTopFrame(port.sender) && port.sender.url === api.runtime.getURL(WINDOW_PAGE)) {
      void giveToItsDialog(port);
    } else {
      port.disconnect();
    }
  });

  api.windows.onRemoved.addListener((windowId) => {
    for (const session of sessions) session.dialog?.windowRemoved(windowId);
  });

  /** Our page in a tab that no dialog opened is not our window: whoever opened it may not type a PIN there. @param {chrome.runtime.Port} port */
  async function giveToItsDialog(port) {
    const dialogs = [...sessions].flatMap((session) => session.dialog ?? []);
    for (const dialog of dialogs) {
      if ((await dialog.tabId()) === port.sender?.tab?.id) return dialog.attach(port);
    }
    port.disconnect();
  }
}

/** @param {chrome.runtime.MessageSender} sender */
function isTopFrame(sender) {
  return sender.frameId === 0 && sender.tab?.id !== undefined;
}
