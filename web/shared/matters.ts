// Matters over the days, follow-ups and appeals, as the API gives them.
import type { Channel, Grade, PracticeArea } from './protocol'

export type MatterState =
  | 'OPEN'
  | 'ANSWERED'
  | 'CLOSED'
  | 'FOLLOW_UP'
  | 'ARCHIVED'
  | 'REOPENED'
  | 'UNSERVED'
  | 'CANCELLED'
export type FollowUpState = 'OPEN' | 'ASSIGNED' | 'CONTACTED' | 'RESOLVED' | 'UNRESOLVED' | 'UNREACHABLE' | 'CLOSED'
export type FollowUpAct = 'TAKE' | 'NO_ANSWER' | 'REACHED' | 'RESOLVE' | 'GIVE_UP' | 'CLOSE'
export type FollowUpResult = 'SATISFIED' | 'OTHER_LAWYER' | 'MEDIATION' | 'COMPLAINT' | 'UNREACHABLE'
export type FollowUpCause = 'STARS' | 'COMPLAINT'
export type AppealState = 'FILED' | 'HEARD' | 'SPLIT' | 'UPHELD' | 'REJECTED'
export type ComplaintCause = 'ADVICE' | 'ATTITUDE' | 'SOLICITATION' | 'PRIVACY' | 'OTHER'
export const COMPLAINT_CAUSES: readonly ComplaintCause[] = ['ADVICE', 'ATTITUDE', 'SOLICITATION', 'PRIVACY', 'OTHER']

export interface MatterRating {
  stars: number
  ratedAt: number
  amendedStars: number | null
  amendedAt: number | null
  voidedAt: number | null
}

/** One line of `GET /api/matters`. */
export interface MatterRow {
  matter: string
  kind: 'CONSULTATION' | 'QUESTION'
  state: MatterState
  grade: Grade
  previous: string | null
  practiceArea: PracticeArea
  area: string
  areaName: string | null
  latest: string
  channel: Channel | null
  endedAt: number | null
  lawyer: { id: string; name: string } | null
  openedAt: number
  settledAt: number | null
  rating: MatterRating | null
  followUp: { id: string; state: FollowUpState } | null
  appeal: { id: string; state: AppealState } | null
  may: {
    rate: boolean
    rerate: boolean
    complain: boolean
    reopen: 'SAME' | 'LINKED' | null
    appealUntil: number | null
  }
}

/** One line of `GET /api/follow-ups`. */
export interface FollowUpRow {
  id: string
  matter: string
  lawyer: { id: string; name: string } | null
  cause: FollowUpCause
  state: FollowUpState
  version: number
  handlerName: string | null
  tries: number
  result: FollowUpResult | null
  openedAt: number
  closedAt: number | null
  practiceArea: PracticeArea
  area: string
  areaName: string | null
  alias: string | null
  stars: number | null
  amendedStars: number | null
  due: number | null
  overdue: boolean
}

/** `GET /api/follow-ups/{id}`. */
export interface FollowUpWhole extends FollowUpRow {
  steps: { act: FollowUpAct; to: FollowUpState; note: string; by: string | null; at: number }[]
  complaints: Complaint[]
  acts: FollowUpAct[]
  results: FollowUpResult[]
  phone: boolean
}

export interface Complaint {
  cause: ComplaintCause
  text: string
  at: number
}

/** One line of `GET /api/appeals`. */
export interface AppealRow {
  id: string
  matter: string
  lawyer: { id: string; name: string }
  stars: number | null
  state: AppealState
  reason: string
  filedAt: number
  practiceArea: PracticeArea
  area: string
  areaName: string | null
  votes: number
  mine: boolean
}

/** The stars as they count: given anew if they were, none once taken back. */
export function countingStars(rating: MatterRating | null): number | null {
  if (!rating || rating.voidedAt !== null) return null
  return rating.amendedStars ?? rating.stars
}
