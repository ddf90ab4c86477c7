// A session as a page knows it: who is there, what was typed, how it ended. Pure: a message in, the next value out.
import type { EndReason, InvitationClosed, ServerMessage, SessionView } from './protocol'
import { changed } from './typing'

/** The words of `data-state`. */
export type StateWord =
  | 'idle'
  | 'queued'
  | 'ringing'
  | 'unanswered'
  | 'held'
  | 'called'
  | 'connecting'
  | 'active'
  | 'reconnecting'
  | 'text-only'
  | 'ended'

export interface ChatLine {
  message: string
  /** 0 until the server has given it its number. */
  number: number
  mine: boolean
  /** Whose leg; nothing of our own until the server has said it. */
  from: string
  text: string
  at: number
  /** The server would not take it. */
  refused: boolean
}

export interface Ending {
  session: string
  consultation: string
  reason: EndReason
  /** Unknown when the end was not heard but found after a break. */
  twoWayS: number | null
}

export interface Talk {
  session: SessionView | null
  lines: readonly ChatLine[]
  /** The last line of ours that the other side has read. */
  readUpTo: number
  /** Lines that are being written in real-time text, by leg. */
  drafts: Readonly<Record<string, string>>
  ending: Ending | null
  record: string | null
  /** How the last invitation of a third party ended, until the next. */
  invitationClosed: InvitationClosed | null
}

export const SILENCE: Talk = {
  session: null,
  lines: [],
  readUpTo: 0,
  drafts: {},
  ending: null,
  record: null,
  invitationClosed: null,
}

/** Most lines a page keeps; the server's own bound. */
const MAX_LINES = 5_000

export function hearTalk(talk: Talk, message: ServerMessage): Talk {
  switch (message.type) {
    case 'welcome':
      // Lines that are being written follow the welcome.
      return message.session ? begin({ ...talk, drafts: {} }, message.session) : endUnheard(talk)
    case 'session':
      return begin(talk, message)
    case 'chat': {
      if (message.session !== talk.session?.id) return talk
      const line: ChatLine = {
        message: message.message,
        number: message.number,
        mine: message.from === talk.session.you,
        from: message.from,
        text: message.text,
        at: message.at,
        refused: false,
      }
      const others = talk.lines.filter(known => known.message !== line.message)
      const { [message.from]: _finished, ...drafts } = talk.drafts
      return { ...talk, lines: [...others, line].sort(byNumber).slice(-MAX_LINES), drafts }
    }
    case 'typed': {
      if (message.session !== talk.session?.id) return talk
      const line = changed(talk.drafts[message.from] ?? '', message)
      return { ...talk, drafts: { ...talk.drafts, [message.from]: line } }
    }
    case 'chatRead':
      if (message.session !== talk.session?.id || message.by === talk.session.you) return talk
      return { ...talk, readUpTo: Math.max(talk.readUpTo, message.upTo) }
    case 'sessionEnded': {
      const { session, consultation, reason, twoWayS } = message
      return { ...talk, session: null, ending: { session, consultation, reason, twoWayS } }
    }
    case 'invitationClosed':
      return talk.session ? { ...talk, invitationClosed: message.reason } : talk
    case 'recordSealed':
      return talk.ending?.session === message.session ? { ...talk, record: message.record } : talk
    default:
      return talk
  }
}

/** Our own line, shown before the server has numbered it. */
export function typeLine(talk: Talk, message: string, text: string, at: number): Talk {
  return { ...talk, lines: [...talk.lines, { message, number: 0, mine: true, from: '', text, at, refused: false }] }
}

export function refuseLine(talk: Talk, message: string): Talk {
  return { ...talk, lines: talk.lines.map(line => (line.message === message ? { ...line, refused: true } : line)) }
}

/** What to show for a running session, given how our own ends are doing. */
export function sessionState(session: SessionView, lineOpen: boolean, mediaInterrupted: boolean): StateWord {
  switch (session.state) {
    case 'CREATED':
    case 'RINGING':
      return 'ringing'
    case 'CONNECTING':
      return lineOpen ? 'connecting' : 'reconnecting'
    case 'ACTIVE':
      if (!lineOpen) return 'reconnecting'
      if (session.channel === 'text') return 'text-only'
      return mediaInterrupted ? 'reconnecting' : 'active'
    case 'RECONNECTING':
      return 'reconnecting'
    default:
      return 'ended'
  }
}

/** The other participant, the one whose name stands above the picture. */
export function otherLeg(session: SessionView | null) {
  return session?.legs.find(leg => leg.leg !== session.you) ?? null
}

/** Whether this page is there as a third party. */
export function isThird(session: SessionView): boolean {
  return session.legs.some(leg => leg.leg === session.you && leg.part !== null)
}

function begin(talk: Talk, session: SessionView): Talk {
  // The last word about a session may follow its end; it does not open it again.
  if (isOver(session)) return talk.session?.id === session.id ? { ...talk, session } : talk
  const same = talk.session?.id === session.id || talk.ending?.session === session.id
  const invitationClosed = session.invitation ? null : talk.invitationClosed
  return same ? { ...talk, session, ending: null, invitationClosed } : { ...SILENCE, session }
}

function isOver(session: SessionView): boolean {
  return ['ENDED', 'SEALED', 'MISSED', 'ABANDONED', 'FAILED'].includes(session.state)
}

/** A session that was there before the break and is not in the snapshot after it. */
function endUnheard(talk: Talk): Talk {
  if (!talk.session) return talk
  const { id: session, consultation } = talk.session
  return { ...talk, session: null, ending: { session, consultation, reason: 'CONNECTION_LOST', twoWayS: null } }
}

function byNumber(a: ChatLine, b: ChatLine): number {
  // Lines without a number are the newest.
  return (a.number || Number.MAX_SAFE_INTEGER) - (b.number || Number.MAX_SAFE_INTEGER)
}
