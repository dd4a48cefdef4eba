import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PORTAL_ORIGIN } from '../src/portal.js';

const manifest = JSON.parse(readFileSync(new URL('../src/manifest.json', import.meta.url), 'utf8'));

test('the extension asks for native messaging and nothing else', () => {
  assert.deepEqual(manifest.permissions, ['nativeMessaging']);
  for (const key of ['host_permissions', 'optional_permissions', 'optional_host_permissions', 'externally_connectable', 'web_accessible_resources']) {
    assert.equal(manifest[key], undefined, key);
  }
});

test('the content script runs on the portal’s host alone, in the top frame', () => {
  const { protocol, hostname } = new URL(PORTAL_ORIGIN);
  assert.equal(manifest.content_scripts.length, 1);
  assert.deepEqual(manifest.content_scripts[0].matches, [`${protocol}//${hostname}/*`]);
  assert.equal(manifest.content_scripts[0].all_frames, false);
});

test('the key gives the id that hosts are registered for', () => {
  const hash = createHash('sha256').update(Buffer.from(manifest.key, 'base64')).digest('hex').slice(0, 32);
  const id = hash.replace(/./g, (digit) => 'abcdefghijklmnop'[parseInt(digit, 16)]);
  assert.equal(id, 'janafhkdmnhiphgcpjmeohjibkidkkib');
});

test('the policy lets no code in but our own files', () => {
  const policy = manifest.content_security_policy.extension_pages;
  assert.match(policy, /default-src 'none'; script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
});
