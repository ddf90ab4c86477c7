// Text questions as the HTTP API tells of them (docs/protocol.md, "Text questions").
import type { Attachment } from './attachments'
import type { MatterRow } from './matters'
import type { ConsultationState, Outcome, PracticeArea } from './protocol'
import type { SessionRow } from './sessions'

export type TextKind = 'QUESTION' | 'ANSWER' | 'FOLLOW_UP' | 'REPLY'

export interface QuestionText {
  id: string
  version: number
  kind: TextKind
  /** Rank of an answer, number of a follow-up, number of that which is replied to. */
  number: number
  lawyer: { id: string; name: string } | null
  at: number
  outcome: Outcome | null
  text: string
}

export interface QuestionRow {
  question: string
  state: ConsultationState
  practiceArea: PracticeArea
  area: string
  areaName: string | null
  answers: number
  claimed: number
  pending: number
  createdAt: number
  changedAt: number
}

export interface QuestionShown extends QuestionRow {
  slots: number
  heldUntil: number | null
  texts: QuestionText[]
  attachments: Attachment[]
  /** The calls that went on with it; of a lawyer, the lawyer's own. */
  calls: SessionRow[]
  /** The matter, for its asker. */
  matter: MatterRow | null
  now: number
}

export interface OpenQuestion {
  question: string
  state: ConsultationState
  practiceArea: PracticeArea
  areaName: string | null
  createdAt: number
  answers: number
  free: number
  firstDue: number | null
  threeDue: number
  heldUntil: number | null
}

/** Longest text; the server refuses a longer one. */
export const MAX_TEXT = 4000
/** Characters under which a text is no answer. */
export const MIN_ANSWER = 20

/** The newest version of each text, in the order in which they were first written. */
export function newest(texts: readonly QuestionText[]): QuestionText[] {
  const latest = new Map<string, QuestionText>()
  for (const text of texts) {
    const known = latest.get(text.id)
    if (!known) latest.set(text.id, text)
    else if (text.version > known.version) latest.set(text.id, { ...text, at: known.at })
  }
  return [...latest.values()]
}

/** Whether the asker may ask on. */
export function canFollowUp(state: ConsultationState): boolean {
  return state !== 'UNSERVED' && state !== 'CANCELLED'
}

/** Whether the asker may close it. */
export function isOpen(state: ConsultationState): boolean {
  return canFollowUp(state) && state !== 'CLOSED'
}

/** Characters as the server counts them. */
export function charsOf(text: string): number {
  return [...text.trim()].length
}
