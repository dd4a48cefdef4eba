/** Which of page, extension and host is too old or too new, by the major versions of the protocol that they speak. */

import { Failure } from './failure.js';
import { PROTOCOL_VERSION } from './messages.js';

/**
 * The page is the portal's, and the portal is what the other two are installed for: who differs from it is named, unless
 * the other two agree against it. A minor version does not matter.
 * @param {number} page
 * @param {number | undefined} host nothing is known of one that has not said hello
 * @param {number} [extension]
 * @returns {Failure | undefined} nothing if all speak one language
 */
export function versionMismatch(page, host, extension = PROTOCOL_VERSION) {
  const detail = `protocol: page ${page}, extension ${extension}, host ${host ?? 'unknown'}`;
  const named = (/** @type {string} */ code) => new Failure(code, { detail });
  if (extension < page) return named('extension_outdated');
  if (extension > page) return named(host === page ? 'extension_too_new' : 'page_outdated');
  if (host === undefined || host === page) return undefined;
  return named(host < page ? 'host_outdated' : 'host_too_new');
}
