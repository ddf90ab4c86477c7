// Both languages say the same things.
import { describe, expect, test } from 'vitest'
import { book as citizen } from '../citizen/words'
import { book as lawyer } from '../lawyer/words'
import { book as office } from '../office/words'
import { language, setLanguage, translator } from './i18n'
import { accountWords } from './words/account'
import { common } from './words/common'
import { joinWords } from './words/join'
import { peopleWords } from './words/people'
import { questionWords } from './words/questions'
import { recordWords } from './words/record'
import { reportWords } from './words/reports'
import { signInWords } from './words/signin'

const books = {
  citizen,
  lawyer,
  office,
  common,
  recordWords,
  signInWords,
  accountWords,
  joinWords,
  peopleWords,
  questionWords,
  reportWords,
}

describe.each(Object.entries(books))('%s', (_, book) => {
  const zh = new Map<string, string>(Object.entries(book.zh))
  const en = new Map<string, string>(Object.entries(book.en))

  test('both languages have the same keys', () => {
    expect([...en.keys()].sort()).toEqual([...zh.keys()].sort())
  })

  test('both languages have words and the same blanks', () => {
    for (const [key, text] of zh) {
      expect(text.trim(), key).not.toBe('')
      expect(blanks(en.get(key)), key).toEqual(blanks(text))
    }
  })
})

test('the chosen language marks the document', () => {
  setLanguage('en')
  expect([document.documentElement.lang, translator(common)('call.hangup')]).toEqual(['en', 'Hang up'])

  setLanguage('zh')
  expect([document.documentElement.lang, language.value]).toEqual(['zh-CN', 'zh'])
})

test('blanks are filled', () => {
  expect(translator(citizen)('wait.place', { place: 3 })).toBe('您排在第 3 位')
})

function blanks(text: string | undefined): string[] {
  return [...(text ?? '').matchAll(/\{\w+\}/g)].map(([blank]) => blank).sort()
}
