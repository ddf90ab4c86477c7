// Words of the office.
import { type Book, bind, translator } from '#shared/i18n'
import { common } from '#shared/words/common'
import { joinWords } from '#shared/words/join'
import { matterWords } from '#shared/words/matters'
import { peopleWords } from '#shared/words/people'
import { recordWords } from '#shared/words/record'
import { reportWords } from '#shared/words/reports'
import { signInWords } from '#shared/words/signin'
import { afterWords } from './afterWords'
import { floorWords } from './floorWords'
import { officePeopleWords } from './peopleWords'
import { officeReportWords } from './reportWords'

const zh = {
  title: '办公室',
  'signin.lead': '监督、派单与财务复核。这里只有时间、时长和结果，没有谈话内容。',
  out: '退出',
  'sessions.title': '咨询会话',
  'sessions.lead': '只含元数据；每次查看都会留下审计记录。',
  'sessions.empty': '还没有会话。',
  'sessions.nothing': '没有符合条件的会话。',
  'sessions.failed': '读取会话失败。',
  'sessions.denied': '您的角色在这里没有可看的内容。',
  'sessions.refresh': '刷新',
  'end.title': '结束这次通话',
  'end.lead': '双方会立即看到通话被结束，但看不到理由。您听不到也看不到他们的谈话。',
  'end.reason': '理由（必填，记入审计；不要写姓名和电话）',
  'end.reasonFirst': '请先写明理由。',
  'end.submit': '结束通话',
  'end.cancel': '不结束了',
  'end.over': '这次通话已经结束了。',
  'end.failed': '没有成功，请再试一次。',
  'sessions.more': '更早的会话',
  'filter.channel': '方式',
  'filter.state': '状态',
  'filter.all': '全部',
  'filter.running': '进行中',
  'filter.due': '待填结果',
  'filter.sealed': '已封存',
  'filter.unserved': '未接通',
  'sum.count': '会话',
  'sum.twoWay': '双向时长合计',
} as const

const en: Record<keyof typeof zh, string> = {
  title: 'Office',
  'signin.lead': 'Supervision, dispatch and finance review. Times, lengths and outcomes only; never what was said.',
  out: 'Sign out',
  'sessions.title': 'Sessions',
  'sessions.lead': 'Metadata only; every look leaves an audit entry.',
  'sessions.empty': 'No sessions yet.',
  'sessions.nothing': 'No session fits.',
  'sessions.failed': 'The sessions could not be read.',
  'sessions.denied': 'There is nothing here for your role.',
  'sessions.refresh': 'Refresh',
  'end.title': 'End this session',
  'end.lead': 'Both sides see at once that it was ended, but not why. You hear and read nothing of what they say.',
  'end.reason': 'Reason (needed, kept in the audit log; no names or numbers)',
  'end.reasonFirst': 'Please give a reason first.',
  'end.submit': 'End it',
  'end.cancel': 'Do not end it',
  'end.over': 'This session is over already.',
  'end.failed': 'That did not work. Please try again.',
  'sessions.more': 'Earlier sessions',
  'filter.channel': 'By',
  'filter.state': 'State',
  'filter.all': 'All',
  'filter.running': 'Running',
  'filter.due': 'Outcome due',
  'filter.sealed': 'Sealed',
  'filter.unserved': 'Not served',
  'sum.count': 'Sessions',
  'sum.twoWay': 'Two-way time in all',
}

const own: Book<keyof typeof zh> = { zh, en }
const after = bind(bind(matterWords, afterWords), bind(reportWords, officeReportWords))
const people = bind(bind(peopleWords, joinWords), bind(officePeopleWords, floorWords))
export const book = bind(bind(bind(common, signInWords), bind(recordWords, own)), bind(people, after))
export const t = translator(book)
