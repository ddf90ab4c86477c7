// Words of the office.
import { type Book, bind, translator } from '#shared/i18n'
import { common } from '#shared/words/common'
import { joinWords } from '#shared/words/join'
import { matterWords } from '#shared/words/matters'
import { peopleWords } from '#shared/words/people'
import { recordWords } from '#shared/words/record'
import { signInWords } from '#shared/words/signin'
import { afterWords } from './afterWords'
import { officePeopleWords } from './peopleWords'

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
const after = bind(matterWords, afterWords)
const people = bind(bind(peopleWords, joinWords), officePeopleWords)
export const book = bind(bind(bind(common, signInWords), bind(recordWords, own)), bind(people, after))
export const t = translator(book)
