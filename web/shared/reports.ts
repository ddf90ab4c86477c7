// Reports of one side about the other, as the API gives them, and what the office holds against whoever looks at the page.
import { ref, shallowRef } from 'vue'
import type { Api } from './api'
import type { Channel, PracticeArea, ReportCause, ServerMessage, SessionState } from './protocol'

/** Who is reported; the other side reports. */
export type About = 'CITIZEN' | 'LAWYER'
export type ReportState = 'OPEN' | 'REFERRED' | 'DISMISSED' | 'WARNED' | 'BLOCKED' | 'LIFTED' | 'SUSPENDED'

export const REPORT_STATES: readonly ReportState[] = [
  'OPEN',
  'REFERRED',
  'DISMISSED',
  'WARNED',
  'BLOCKED',
  'LIFTED',
  'SUSPENDED',
]

const CAUSES: readonly ReportCause[] = [
  'INSULT',
  'THREAT',
  'HARASSMENT',
  'SOLICITATION',
  'DISRUPTION',
  'ILLEGAL',
  'PRIVACY',
  'OTHER',
]

/** What may be said of this side. */
export function causesOf(about: About): ReportCause[] {
  return CAUSES.filter(cause => cause !== (about === 'LAWYER' ? 'DISRUPTION' : 'SOLICITATION'))
}

/** One report as the office's list shows it. */
export interface ReportRow {
  id: string
  about: About
  cause: ReportCause
  state: ReportState
  version: number
  session: string | null
  sessionState: SessionState | null
  channel: Channel | null
  practiceArea: PracticeArea | null
  area: string | null
  areaName: string | null
  lawyer: { id: string; name: string }
  alias: string | null
  identityMode: string | null
  madeAt: number
  changedAt: number
  until: number | null
  liftedAt: number | null
  /** What the reader may decide. */
  next: ReportState[]
}

export interface ReportShown extends ReportRow {
  text: string | null
  steps: { to: ReportState; reason: string; by: string | null; at: number }[]
}

export interface ReportPage {
  items: ReportRow[]
  next: string | null
  now: number
  blockDays: number
  maxBlockDays: number
}

export interface Warned {
  warning: string
  cause: ReportCause
  at: number
}

/** Warnings that were not read, and the block, of whoever looks at this page. */
export function useRestraint(api: Api) {
  const warnings = shallowRef<readonly Warned[]>([])
  const blockedUntil = ref<number | null>(null)
  const failed = ref(false)

  function hear(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        // What still holds is said right after it.
        warnings.value = []
        blockedUntil.value = null
        break
      case 'warned': {
        const { warning, cause, at } = message
        const others = warnings.value.filter(known => known.warning !== warning)
        warnings.value = [...others, { warning, cause, at }]
        break
      }
      case 'blocked':
        blockedUntil.value = message.until
        break
    }
  }

  async function acknowledge(warning: string): Promise<void> {
    failed.value = false
    try {
      await api.post(`/api/warnings/${warning}/acknowledge`)
      warnings.value = warnings.value.filter(known => known.warning !== warning)
    } catch {
      failed.value = true
    }
  }

  return { warnings, blockedUntil, failed, hear, acknowledge }
}
