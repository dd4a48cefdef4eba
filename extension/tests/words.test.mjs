import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorWords, WORDS } from '../src/window/words.js';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const table = [...read('../../protocol/PROTOCOL.md').matchAll(/^\| `(\w+)` \| (\w+) \| (\d+|–) \|/gm)];
/** Codes that never come from the portal: the workstation's. */
const codes = table.filter(([, , , status]) => status === '–').map(([, code]) => code);

test('every code of the workstation has words in both languages', () => {
  assert.ok(codes.length > 30);
  for (const words of Object.values(WORDS)) {
    assert.deepEqual(codes.filter((code) => !Object.hasOwn(words.errors, code)), [], words.language);
    for (const code of codes) assert.ok(errorWords(words, code).length > 10, code);
  }
});

test('no words are kept for a code that is not published', () => {
  const published = table.map(([, code]) => code);
  assert.deepEqual(Object.keys(WORDS.ru.errors).filter((code) => !published.includes(code)), []);
});

test('a code without words of its own is named', () => {
  for (const words of Object.values(WORDS)) assert.match(errorWords(words, 'key_blocked'), /key_blocked/);
});

test('Russian and English have the same texts', () => {
  const names = (value, path = '') =>
    Object.entries(value).flatMap(([name, text]) => (typeof text === 'object' ? names(text, `${path}${name}.`) : `${path}${name}`)).sort();
  assert.deepEqual(names(WORDS.en), names(WORDS.ru));
});

test('every text that the page names exists', () => {
  for (const [, name] of read('../src/window/pin.html').matchAll(/data-text="(\w+)"/g)) {
    assert.equal(typeof WORDS.ru[name], 'string', name);
  }
});

test('an installation whose proof fails is not told that its key was removed', () => {
  assert.doesNotMatch(WORDS.ru.errors.signing_failed, /удалён/);
  assert.doesNotMatch(WORDS.en.errors.signing_failed, /removed/);
});

test('every error says what to do next', () => {
  for (const words of Object.values(WORDS)) {
    // A wrong PIN's second sentence is what the token tells of further tries.
    const errors = Object.entries(words.errors).filter(([code]) => !code.endsWith('pin_incorrect'));
    for (const [code, text] of errors) assert.match(text, /[.:;,] .+\.$/, code);
  }
});
