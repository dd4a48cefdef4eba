/** The words of the window. Russian until the person chooses English, whatever the browser's language is. */

import { en } from './words/en.js';
import { ru } from './words/ru.js';

/**
 * @typedef {typeof ru} Words
 * @typedef {'ru' | 'en'} Language
 */

/** @type {Record<Language, Words>} */
export const WORDS = { ru, en };

/**
 * What failed and what to do next, in words.
 * @param {Words} words
 * @param {string} code
 * @returns {string}
 */
export function errorWords(words, code) {
  return Object.hasOwn(words.errors, code)
    ? words.errors[/** @type {keyof Words['errors']} */ (code)]
    : words.errorUnknown(code);
}
