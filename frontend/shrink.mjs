// Makes the WebAssembly module of the page smaller before wasm-opt does. Exports go that this page never calls, so that
// wasm-opt finds what only they need: Leptos links wasm-streams, for servers that it streams from, and what wasm-bindgen
// exports is kept whether it is used or not. The English texts go into a file beside the module, named by their first line.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const UNUSED = /^(__wbg_)?intounderlying(bytesource|sink|source)_/;
const CUSTOM = 0;
const EXPORTS = 7;

const [file] = process.argv.slice(2);
const bytes = readFileSync(file);
let at = 8;

function number() {
  for (let value = 0, shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
}

const leb = (value) => (value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...leb(Math.floor(value / 0x80))]);

/** The body of the section of exports, without those. */
function used() {
  const kept = [];
  for (let left = number(); left > 0; left--) {
    const start = at;
    const length = number();
    const name = bytes.toString('utf8', at, at + length);
    at += length + 1;
    number();
    if (!UNUSED.test(name)) kept.push(bytes.subarray(start, at));
  }
  return Buffer.concat([Buffer.from(leb(kept.length)), ...kept]);
}

/** Writes the section's texts, if it is theirs. */
function moved(end) {
  const length = number();
  if (bytes.toString('utf8', at, (at += length)) !== 'english') return false;
  const texts = bytes.subarray(at, end);
  writeFileSync(join(dirname(file), texts.toString('utf8').split('\n')[0]), texts);
  return true;
}

const parts = [bytes.subarray(0, at)];
while (at < bytes.length) {
  const start = at;
  const id = bytes[at++];
  const end = number() + at;
  if (id === EXPORTS) {
    const body = used();
    parts.push(Buffer.from([id, ...leb(body.length)]), body);
  } else if (id !== CUSTOM || !moved(end)) {
    parts.push(bytes.subarray(start, end));
  }
  at = end;
}
writeFileSync(file, Buffer.concat(parts));
