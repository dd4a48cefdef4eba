/**
 * The one site this extension serves: exact scheme, host and port. Packaging for another portal replaces this line
 * and `content_scripts.matches` in the manifest, whose patterns cannot name a port; the worker checks the rest.
 */
export const PORTAL_ORIGIN = 'http://localhost:8080';
