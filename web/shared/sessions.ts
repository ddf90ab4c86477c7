// Sessions and records as the API gives them.
import type { Channel, Outcome, PracticeArea, SessionState } from './protocol'

/** One line of `GET /api/sessions`. */
export interface SessionRow {
  session: string
  consultation: string
  state: SessionState
  channel: Channel
  practiceArea: PracticeArea
  area: string
  areaName: string | null
  lawyer: { id: string; name: string } | null
  createdAt: number
  startedAt: number | null
  endedAt: number | null
  endReason: string | null
  twoWayS: number
  outcome: Outcome | null
  record: string | null
}

/** A page of a list; `next` is the cursor of the following one. */
export interface Page<Row> {
  items: Row[]
  next: string | null
}
