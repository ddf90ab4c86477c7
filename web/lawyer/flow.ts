// The lawyer's desk as a value: duty, rings, the running session, the outcome that is due.
import type {
  EndReason,
  InvitedView,
  OfferClosed,
  OfferView,
  Presence,
  ServerMessage,
  Timestamp,
} from '#shared/protocol'
import { hearTalk, SILENCE, type StateWord, sessionState, type Talk } from '#shared/talk'

export interface Desk {
  name: string
  presence: Presence
  missedRings: number
  offers: readonly OfferView[]
  /** Sessions of colleagues into which this lawyer is asked. */
  invited: readonly InvitedView[]
  /** Why the last offer went away, until the next one comes. */
  closed: OfferClosed | 'noMedia' | 'notAnswered' | 'removed' | null
  talk: Talk
  /** The session whose outcome is due. */
  due: string | null
  /** The server's clock minus ours, so that ring timers are right on a desk with a wrong clock. */
  clockAhead: number
}

export const EMPTY_DESK: Desk = {
  name: '',
  presence: 'OFFLINE',
  missedRings: 0,
  offers: [],
  invited: [],
  closed: null,
  talk: SILENCE,
  due: null,
  clockAhead: 0,
}

export function hearDesk(desk: Desk, message: ServerMessage, now: Timestamp): Desk {
  const next = { ...desk, talk: hearTalk(desk.talk, message) }
  switch (message.type) {
    case 'welcome':
      return {
        ...next,
        name: message.name,
        presence: message.presence ?? 'ONLINE',
        offers: message.offers,
        invited: [],
        due: message.outcomeDue,
        clockAhead: message.now - now,
      }
    case 'presence':
      return { ...next, presence: message.presence, missedRings: message.missedRings }
    case 'invited':
      return { ...next, closed: null, invited: [...desk.invited.filter(one => one.id !== message.id), message] }
    case 'invitationClosed':
      return { ...next, invited: desk.invited.filter(one => one.id !== message.invitation) }
    case 'offered':
      return { ...next, closed: null, offers: [...desk.offers.filter(offer => offer.id !== message.id), message] }
    case 'offerClosed':
      // The winner hears it too, in every tab; there it is no news.
      return {
        ...next,
        closed: desk.talk.session ? null : message.reason,
        offers: desk.offers.filter(offer => offer.id !== message.offer),
      }
    case 'session':
      return { ...next, offers: [], closed: null }
    case 'sessionEnded':
      if (message.outcomeDue) return { ...next, due: message.session }
      return { ...next, talk: SILENCE, closed: unbegun(message.reason) }
    default:
      return next
  }
}

/** The outcome is in: back to the desk. */
export function finish(desk: Desk): Desk {
  return { ...desk, due: null, talk: { ...SILENCE, record: desk.talk.record } }
}

export function isOnDuty(presence: Presence): boolean {
  return presence !== 'OFFLINE' && presence !== 'ONLINE'
}

/** The word of `data-state`. */
export function deskState(desk: Desk, lineOpen: boolean, mediaInterrupted: boolean): StateWord {
  if (desk.talk.session) return sessionState(desk.talk.session, lineOpen, mediaInterrupted)
  if (desk.due) return 'ended'
  return desk.offers.length > 0 || desk.invited.length > 0 ? 'ringing' : 'idle'
}

/** Why a session ended that had never begun; there is nothing to be written down. */
function unbegun(reason: EndReason): Desk['closed'] {
  if (reason === 'NO_MEDIA') return 'noMedia'
  if (reason === 'THIRD_PARTY_REMOVED') return 'removed'
  return reason === 'NOT_ANSWERED' ? 'notAnswered' : null
}
