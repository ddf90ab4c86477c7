// Words of the office about duty floors.
import type { Book } from '#shared/i18n'

const zh = {
  'nav.floors': '在岗底线',
  'floors.title': '在岗底线',
  'floors.lead':
    '每个库、每个业务板块至少要有几名律师在岗（空闲、振铃、通话中、写结果都算；休息不算）。不足时这里和页面顶部会告警。',
  'floors.none': '还没有设底线。',
  'floors.add': '设底线',
  'floors.pool': '哪个库',
  'floors.field': '业务板块',
  'floors.all': '全库',
  'floors.minimum': '至少几人（0 为取消）',
  'floors.set': '保存',
  'floors.now': '现在 {n} 人，底线 {minimum} 人',
  'floors.short': '不足 · 自 {since} 起，最少时 {least} 人',
  'floors.below': '刚低于底线，持续一会儿才告警',
  'floors.enough': '足够',
  'floors.drop': '取消',
  'floors.dropOf': '取消{name}的底线',
  'floors.by': '{name} 于 {at} 设定',
  'floors.history': '告警记录',
  'floors.noHistory': '还没有过告警。',
  'floors.record': '{from} 至 {to}：底线 {minimum} 人，最少时 {least} 人',
  'floors.recordOpen': '自 {from} 起仍未结束：底线 {minimum} 人，最少时 {least} 人',
  'floors.banner': '在岗律师不足：',
  'floors.bannerOne': '{name} {n}/{minimum}',
  'floors.show': '查看',
  'floors.failed': '没有成功，请再试一次。',
} as const

const en: Record<keyof typeof zh, string> = {
  'nav.floors': 'Duty floors',
  'floors.title': 'Duty floors',
  'floors.lead':
    'How many lawyers of each pool and field must be on duty at least (free, being rung, busy or writing up; not on a break). When there are fewer, this page and the top of every page say so.',
  'floors.none': 'No floor is set yet.',
  'floors.add': 'Set a floor',
  'floors.pool': 'Pool',
  'floors.field': 'Field',
  'floors.all': 'the whole pool',
  'floors.minimum': 'At least (0 takes it away)',
  'floors.set': 'Save',
  'floors.now': '{n} on duty, {minimum} wanted',
  'floors.short': 'Too few · since {since}, {least} at the worst',
  'floors.below': 'Just below; an alarm if it lasts',
  'floors.enough': 'Enough',
  'floors.drop': 'Take away',
  'floors.dropOf': 'Take away the floor of {name}',
  'floors.by': 'Set by {name}, {at}',
  'floors.history': 'Alarms',
  'floors.noHistory': 'There has been no alarm yet.',
  'floors.record': '{from} to {to}: {minimum} wanted, {least} at the worst',
  'floors.recordOpen': 'Since {from}, not over: {minimum} wanted, {least} at the worst',
  'floors.banner': 'Too few lawyers on duty: ',
  'floors.bannerOne': '{name} {n}/{minimum}',
  'floors.show': 'Show',
  'floors.failed': 'That did not work. Please try again.',
}

export const floorWords: Book<keyof typeof zh> = { zh, en }
