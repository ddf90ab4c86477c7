// People as the HTTP API tells of them (docs/protocol.md, "Lawyers", "Reports", "Duty roster").
import type { PracticeArea, Presence } from './protocol'

export type ProviderType = 'LAWYER' | 'GRASSROOTS_LEGAL_WORKER' | 'NOTARY' | 'MEDIATOR' | 'VOLUNTEER'
export type Pool = 'LOCAL' | 'NATIONAL'
export type Qualification = 'APPLIED' | 'VERIFIED' | 'ACTIVE' | 'WARNED' | 'SUSPENDED' | 'REINSTATED' | 'REMOVED'
export type AccountState = 'NONE' | 'INVITED' | 'ACTIVE' | 'CLOSED'

export const PROVIDER_TYPES: readonly ProviderType[] = [
  'LAWYER',
  'GRASSROOTS_LEGAL_WORKER',
  'NOTARY',
  'MEDIATOR',
  'VOLUNTEER',
]
export const POOLS: readonly Pool[] = ['LOCAL', 'NATIONAL']
export const QUALIFICATIONS: readonly Qualification[] = [
  'APPLIED',
  'VERIFIED',
  'ACTIVE',
  'WARNED',
  'SUSPENDED',
  'REINSTATED',
  'REMOVED',
]
export const LANGUAGES = [
  'zh-CN',
  'cmn-x-dongbei',
  'cmn-x-jilu',
  'cmn-x-jiaoliao',
  'cmn-x-zhongyuan',
  'cmn-x-lanyin',
  'cmn-x-jianghuai',
  'cmn-x-xinan',
  'cjy',
  'wuu',
  'czp',
  'gan',
  'hsn',
  'hak',
  'nan',
  'cdo',
  'yue',
  'mn',
  'bo',
  'ug',
  'kk',
  'ko',
  'za',
  'ii',
  'en',
  'csl',
] as const
export type Language = (typeof LANGUAGES)[number]

/** In the order in which they are shown; the last is for those who cannot tell. */
export const PRACTICE_AREAS: readonly PracticeArea[] = [
  'FAMILY',
  'LABOUR',
  'CONTRACT',
  'DEBT',
  'TRAFFIC',
  'TORT',
  'LAND',
  'HOUSING',
  'CRIMINAL',
  'ADMIN',
  'MED_EDU_CONSUMER',
  'ENTERPRISE_IP',
  'OTHER',
]

/** A lawyer as the office keeps one. */
export interface LawyerRow {
  id: string
  name: string
  providerType: ProviderType
  firm: { id: string; name: string } | null
  pool: Pool
  qualification: Qualification
  practiceAreas: PracticeArea[]
  languages: Language[]
  publicOffice: boolean
  licenceNo: string | null
  area: string | null
  villages: string[]
  version: number
  account: AccountState
  user: string | null
  createdAt: number
  presence: Presence
}

export interface LawyerShown extends LawyerRow {
  next: Qualification[]
  steps: { from: Qualification; to: Qualification; reason: string; by: string | null; at: number }[]
}

export interface FirmRow {
  id: string
  name: string
  state: 'APPLYING' | 'SETTLED'
  lawyers: number
  serving: number
  admins: { id: string; name: string; account: AccountState }[]
}

export interface Invitation {
  code: string
  path: string
  expiresAt: number
}

/** A column of a table, by its key. */
export type Column =
  | 'name'
  | 'licence'
  | 'type'
  | 'areas'
  | 'languages'
  | 'pool'
  | 'publicOffice'
  | 'home'
  | 'villages'
  | 'from'
  | 'to'
  | 'area'

export interface Report {
  applied: boolean
  lines: number
  added: number
  changed: number
  same: number
  refused: number
  findings: { line: number; field: Column | ''; code: string; zh: string; en: string }[]
  moreFindings: number
  rows: { line: number; name: string; what: string; outcome: 'ADDED' | 'CHANGED' | 'SAME' | 'REFUSED' }[]
}

export interface ShiftRow {
  id: string
  lawyer: { id: string; name: string } | null
  pool: Pool | null
  area: string | null
  areaName: string | null
  from: string
  to: string
  attendance: 'PLANNED' | 'AWAITED' | 'PRESENT' | 'KEPT' | 'NO_SHOW' | 'UNKNOWN'
  begun: boolean
  presence: Presence | null
  missing: boolean
}

/** A lawyer of the directory for citizens. */
export interface FoundLawyer {
  id: string
  name: string
  providerType: ProviderType
  pool: Pool
  practiceAreas: PracticeArea[]
  languages: Language[]
  presence: 'FREE' | 'BUSY' | 'AWAY'
  stars: number | null
  rated: number
  answered: number
  adviser: boolean
}
