// The states of a session as the office sorts them.
import type { SessionRow } from '#shared/sessions'

export type Group = 'running' | 'due' | 'sealed' | 'unserved'

export function groupOf(row: Pick<SessionRow, 'state'>): Group {
  switch (row.state) {
    case 'SEALED':
      return 'sealed'
    case 'ENDED':
      return 'due'
    case 'MISSED':
    case 'ABANDONED':
    case 'FAILED':
      return 'unserved'
    default:
      return 'running'
  }
}
