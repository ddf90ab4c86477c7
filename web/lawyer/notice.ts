// What a push says to a desk, as words; a value, for the worker and its tests.
import type { Channel, PracticeArea } from '#shared/protocol'
import { common } from '#shared/words/common'

/** One per desk, whether its window or its worker shows it. */
export const RING_TAG = 'yunfa-ring'

/** What the server says (docs/protocol.md, Web Push). */
interface Pushed {
  practiceArea: PracticeArea
  channel: Channel
  locality: string
  expiresAt: number
}

export interface Notice {
  title: string
  body: string
}

const TITLES = { zh: '有人来咨询', en: 'Somebody asks for advice' } as const

/** What to show; a ring that is over, or that cannot be read, still has to say something: browsers want to see every push. */
export function readNotice(data: unknown, language: 'zh' | 'en', now: number): Notice {
  const words = common[language]
  const title = TITLES[language]
  if (!isPushed(data)) return { title, body: '' }
  if (data.expiresAt <= now) return { title, body: language === 'zh' ? '这次来电已经结束。' : 'This call is over.' }
  const parts = [words[`area.${data.practiceArea}`], words[`channel.${data.channel}`], data.locality]
  return { title, body: parts.filter(Boolean).join(' · ') }
}

function isPushed(data: unknown): data is Pushed {
  if (typeof data !== 'object' || data === null) return false
  const { practiceArea, channel, locality, expiresAt } = data as Record<string, unknown>
  return (
    `area.${practiceArea}` in common.zh &&
    `channel.${channel}` in common.zh &&
    typeof locality === 'string' &&
    typeof expiresAt === 'number'
  )
}
