// The citizen's way from the first tap to the stars; pure: what is known now, and what the next message makes of it.
import type { Channel, ConsultationView, PracticeArea, QueueView, ServerMessage } from '#shared/protocol'
import { hearTalk, SILENCE, type StateWord, sessionState, type Talk } from '#shared/talk'

/** What the citizen asked for; kept to try again. */
export interface Wish {
  practiceArea: PracticeArea
  area: string
  channel: Channel
  /** The lawyer who was chosen, if one was. */
  lawyer: string | null
  /** The matter with which the asker comes back, and whether it has its stars. */
  continues?: { matter: string; rated: boolean } | undefined
  /** The text question that the call goes on with. */
  question?: string
}

/** How a guest of this page is known: by the device alone, or expressly not at all. */
export type IdentityMode = 'GUEST' | 'REFUSED'

/** Why it is over without a session. */
export type Unserved = { kind: 'missed' } | { kind: 'refused'; code: string } | { kind: 'lost' }

/** What the server takes as the source of an entry. */
const SOURCE = /^[\p{Alphabetic}\p{N}_.:-]{1,64}$/u

/** Where somebody came from (`?src=` of a printed code); a damaged one is left out, so that it keeps nobody from being served. */
export function entrySourceOf(search: string): string | null {
  const source = new URLSearchParams(search).get('src') ?? ''
  return SOURCE.test(source) ? source : null
}

export interface Flow {
  stage: 'choosing' | 'preparing' | 'waiting' | 'unanswered' | 'held' | 'called' | 'talking' | 'over'
  wish: Wish | null
  /** The matter, minted here; also the one that is rated. */
  matter: string | null
  consultation: ConsultationView | null
  queue: QueueView | null
  talk: Talk
  unserved: Unserved | null
  stars: number | null
  /** The call back that was taken here. */
  answered: string | null
  /** A matter that is over and that the citizen has turned away from: it is not shown again. */
  left: string | null
}

export const START: Flow = {
  stage: 'choosing',
  wish: null,
  matter: null,
  consultation: null,
  queue: null,
  talk: SILENCE,
  unserved: null,
  stars: null,
  answered: null,
  left: null,
}

/** Back to the first page; what is over stays behind. */
export function leave(flow: Flow): Flow {
  return { ...START, left: flow.matter ?? flow.left }
}

/** The tap on "call": devices are asked for, nothing is requested yet. */
export function prepare(flow: Flow, wish: Wish): Flow {
  return { ...leave(flow), stage: 'preparing', wish }
}

/** The request is on its way, with the channel that the devices allow. */
export function request(flow: Flow, matter: string, channel: Channel): Flow {
  return { ...flow, stage: 'waiting', matter, wish: flow.wish && { ...flow.wish, channel } }
}

/** The tap on "answer": from here on it is a talk like any other. */
export function answer(flow: Flow): Flow {
  const session = flow.talk.session
  return session ? { ...flow, stage: 'talking', answered: session.id } : flow
}

export function refuse(flow: Flow, code: string): Flow {
  return { ...flow, stage: 'over', unserved: { kind: 'refused', code } }
}

export function hear(flow: Flow, message: ServerMessage): Flow {
  const next = { ...flow, talk: hearTalk(flow.talk, message) }
  switch (message.type) {
    case 'welcome':
      return welcome(next, message.consultation)
    case 'consultation':
      return follow(next, message)
    case 'queue':
      return message.consultation === flow.matter ? { ...next, queue: message } : next
    case 'session':
      return next.talk.session ? { ...next, stage: stageOf(next), matter: message.consultation } : next
    case 'sessionEnded':
      return end(next)
    case 'rated':
      return message.consultation === flow.matter ? { ...next, stars: message.stars } : next
    default:
      return next
  }
}

/** The word of `data-state`. */
export function stateWord(flow: Flow, lineOpen: boolean, mediaInterrupted: boolean): StateWord {
  switch (flow.stage) {
    case 'choosing':
    case 'preparing':
      return 'idle'
    case 'waiting':
      return (flow.consultation?.ringing ?? 0) > 0 ? 'ringing' : 'queued'
    case 'unanswered':
    case 'held':
    case 'called':
      return flow.stage
    case 'talking':
      return flow.talk.session ? sessionState(flow.talk.session, lineOpen, mediaInterrupted) : 'connecting'
    case 'over':
      return 'ended'
  }
}

function welcome(flow: Flow, consultation: ConsultationView | null): Flow {
  if (flow.talk.session) return { ...flow, stage: stageOf(flow), consultation, matter: flow.talk.session.consultation }
  if (consultation && isAwaited(consultation)) {
    return follow({ ...flow, matter: consultation.id }, consultation)
  }
  // Its session is over and may still be rated: by whoever was in it, and by whoever opens the page again.
  const isShown = flow.stage === 'choosing' ? consultation?.id !== flow.left : consultation?.id === flow.matter
  if (consultation && isShown) return { ...end(flow), matter: consultation.id, consultation }
  if (flow.stage === 'talking') return { ...end(flow), consultation: null }
  // A matter that the server had confirmed and no longer has; one still on its way is simply asked for again.
  if (flow.stage === 'unanswered' || flow.stage === 'held')
    return { ...flow, stage: 'over', unserved: { kind: 'missed' } }
  if ((flow.stage === 'waiting' || flow.stage === 'called') && flow.consultation)
    return { ...flow, stage: 'over', unserved: { kind: 'lost' } }
  return flow
}

function follow(flow: Flow, consultation: ConsultationView): Flow {
  if (flow.matter !== consultation.id) return flow
  const next = { ...flow, consultation }
  switch (consultation.state) {
    case 'OPEN':
    case 'MATCHING':
      return { ...next, stage: 'waiting' }
    case 'ON_HOLD':
      return { ...next, stage: 'held' }
    case 'ASSIGNED':
      // Who is called back hears of the call by its session.
      return flow.stage === 'held' ? next : { ...next, stage: 'talking' }
    case 'IN_SERVICE':
      return flow.stage === 'over' ? next : { ...next, stage: 'talking' }
    case 'UNSERVED':
      if (consultation.choiceUntil !== null) return { ...next, stage: 'unanswered', queue: null }
      return { ...next, stage: 'over', unserved: { kind: 'missed' } }
    case 'CANCELLED':
      return leave(flow)
    default:
      return next
  }
}

/** Whether the server still looks for somebody, or asks what to do. */
function isAwaited({ state, choiceUntil }: ConsultationView): boolean {
  return (
    state === 'OPEN' || state === 'MATCHING' || state === 'ON_HOLD' || (state === 'UNSERVED' && choiceUntil !== null)
  )
}

function stageOf(flow: Flow): Flow['stage'] {
  const session = flow.talk.session
  const state = session?.state
  if (session?.callBack && state === 'CONNECTING' && flow.answered !== session.id) return 'called'
  return state === 'CREATED' || state === 'RINGING' ? 'waiting' : 'talking'
}

function end(flow: Flow): Flow {
  const reason = flow.talk.ending?.reason
  if (reason === 'ABANDONED') return leave(flow)
  // Accepted without a sound: the server tries again with the next lawyer and says so.
  if (reason === 'NO_MEDIA') return { ...flow, stage: 'waiting', queue: null, talk: SILENCE }
  if (reason === 'NOT_ANSWERED') return { ...flow, stage: 'held', queue: null, talk: SILENCE }
  return { ...flow, stage: 'over', unserved: reason === 'MISSED' ? { kind: 'missed' } : null }
}
