/** The service worker: nothing but the wiring. It listens to its own content script and its own window, to nobody else. */

import { startRelay } from './relay.js';

startRelay(/** @type {any} */ (globalThis).browser ?? chrome);
