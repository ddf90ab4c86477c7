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

export const MATTER_STATES: readonly MatterState[] = [
  'OPEN',
  'ANSWERED',
  'CLOSED',
  'FOLLOW_UP',
  'ARCHIVED',
  'REOPENED',
  'UNSERVED',
  'CANCELLED',
]
export const GRADES: readonly Grade[] = ['NORMAL', 'ATTENTION', 'SENSITIVE', 'MAJOR']
export type Sign = 'VIOLENCE' | 'SUICIDE_RISK' | 'MASS_WAGES' | 'LAND_CLASH'
export const SIGNS: readonly Sign[] = ['VIOLENCE', 'SUICIDE_RISK', 'MASS_WAGES', 'LAND_CLASH']
export type GradeBy = 'LAWYER' | 'SUPERVISOR' | 'RULE_SIGN' | 'RULE_WAVE' | 'RULE_CROWD' | 'RULE_OUTCOME'
export type EscalationState = 'FLAGGED' | 'GRADED' | 'DISMISSED' | 'PUSHED' | 'ACKED' | 'HANDLED' | 'CLOSED'
export type EscalationAct = 'CONFIRM' | 'DISMISS' | 'PUSH' | 'ACK' | 'HANDLE' | 'CLOSE'

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
  incident: { id: string; name: string } | null
  previous: string | null
  /** The text question that began it, or with which it goes on. */
  question: string | null
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

/** One change of a grade. */
export interface GradeStep {
  to: Grade
  by: GradeBy
  reason: string
  name: string | null
  at: number
}

/** One line of `GET /api/incidents`. */
export interface Incident {
  id: string
  name: string
  people: number
  matters: number
  createdAt: number
}

/** One line of `GET /api/escalations`. */
export interface EscalationRow {
  id: string
  matter: string
  state: EscalationState
  version: number
  flaggedAt: number
  grade: Grade
  practiceArea: PracticeArea
  area: string
  areaName: string | null
  tagName: string | null
  people: number | null
  due: number | null
  overdue: boolean
  acts: EscalationAct[]
  steps: { act: EscalationAct; to: EscalationState; note: string; by: string | null; at: number }[]
}

/** The stars as they count: given anew if they were, none once taken back. */
export function countingStars(rating: MatterRating | null): number | null {
  if (!rating || rating.voidedAt !== null) return null
  return rating.amendedStars ?? rating.stars
}
