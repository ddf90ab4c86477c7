import { describe, expect, it } from 'vitest'
import { readNotice } from './notice'

const RUNG = { offer: 'o', practiceArea: 'LABOUR', channel: 'video', locality: '城关镇', expiresAt: 2_000 }

describe('a push', () => {
  it('says what the desk would show of the offer, in the language of the desk', () => {
    expect(readNotice(RUNG, 'zh', 1_000)).toEqual({ title: '有人来咨询', body: '劳动社保 · 视频 · 城关镇' })
    expect(readNotice(RUNG, 'en', 1_000).body).toMatch(/^Work.* · Video · 城关镇$/)
  })

  it('that comes late says so', () => {
    expect(readNotice(RUNG, 'zh', 2_000).body).toBe('这次来电已经结束。')
  })

  it('that cannot be read is shown without details', () => {
    for (const odd of [null, undefined, 'x', 7, [], {}, { ...RUNG, practiceArea: 'NONE' }, { ...RUNG, locality: 1 }]) {
      expect(readNotice(odd, 'zh', 1_000)).toEqual({ title: '有人来咨询', body: '' })
    }
  })
})
