// Two languages, typed keys, no library: a book holds the same keys in Chinese and English.
import { ref } from 'vue'

export type Language = 'zh' | 'en'

/** The words of one page. English has exactly the keys of Chinese, or it does not compile. */
export interface Book<Key extends string> {
  zh: Record<Key, string>
  en: Record<Key, string>
}

export type Translate<Key extends string> = (key: Key, values?: Record<string, string | number>) => string

const STORED = 'yunfa.language'
const TAGS: Record<Language, string> = { zh: 'zh-CN', en: 'en' }

/** The language of this page; Chinese until somebody chooses otherwise. */
export const language = ref<Language>('zh')

/** Reads the choice of an earlier visit and marks the document. */
export function restoreLanguage(): void {
  try {
    setLanguage(localStorage.getItem(STORED) === 'en' ? 'en' : 'zh')
  } catch {
    setLanguage('zh')
  }
}

export function setLanguage(chosen: Language): void {
  language.value = chosen
  document.documentElement.lang = TAGS[chosen]
  try {
    localStorage.setItem(STORED, chosen)
  } catch {
    // Without storage the choice holds for this visit.
  }
}

/** The tag for dates: year first in both languages, so that nobody mistakes day and month. */
export function dateTag(): string {
  return language.value === 'zh' ? 'zh-CN' : 'en-CA'
}

/** Joins books; the same key twice is a mistake that the tests find. */
export function bind<A extends string, B extends string>(a: Book<A>, b: Book<B>): Book<A | B> {
  return { zh: { ...a.zh, ...b.zh }, en: { ...a.en, ...b.en } } as Book<A | B>
}

export function translator<Key extends string>(book: Book<Key>): Translate<Key> {
  return (key, values = {}) =>
    book[language.value][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
