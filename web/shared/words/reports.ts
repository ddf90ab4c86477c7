// Words of reporting the other side, of warnings and of blocks, for all pages.
import type { Book } from '../i18n'

const zh = {
  'report.open': '举报',
  'report.title.LAWYER': '举报律师',
  'report.title.CITIZEN': '举报咨询人',
  'report.lead': '司法局的监督员会核实处理，对方看不到是谁举报的、写了什么。',
  'report.whom': '举报哪一位？',
  'report.cause': '什么问题？',
  'report.text': '补充说明（可以不写）',
  'report.textNeeded': '补充说明',
  'report.hint.LAWYER': '最多 500 字。不用写电话、证件号码。',
  'report.hint.CITIZEN': '最多 500 字。只写对方的言行，不写咨询内容、姓名、电话、证件号码。',
  'report.textFirst': '选“其他”时请写明是什么问题。',
  'report.send': '提交举报',
  'report.cancel': '不举报了',
  'report.done': '举报已收到，监督员会处理。',
  'report.already': '您已经举报过了，监督员会处理。',
  'report.tooMany': '举报得太多了，请稍后再试。',
  'report.tooLate': '时间太久，不能再举报。可以拨打 12348。',
  'report.failed': '没有提交成功，请再试一次。',
  'report.INSULT': '辱骂、侮辱',
  'report.THREAT': '威胁、恐吓',
  'report.HARASSMENT': '骚扰、低俗言行',
  'report.SOLICITATION': '索要钱财、私下揽案、诈骗',
  'report.DISRUPTION': '恶意占用、反复捣乱',
  'report.ILLEGAL': '违法信息',
  'report.PRIVACY': '侵犯隐私、偷录',
  'report.OTHER': '其他',

  'warned.title': '司法局提醒您',
  'warned.text': '{time} 核实的情况：{cause}。请文明交流，再次发生可能会被暂停使用。',
  'warned.read': '我知道了',
  'warned.failed': '没有成功，请再点一次。',
} as const

const en: Record<keyof typeof zh, string> = {
  'report.open': 'Report',
  'report.title.LAWYER': 'Report the lawyer',
  'report.title.CITIZEN': 'Report the asker',
  'report.lead':
    'A supervisor of the bureau looks into it. The other side sees neither who reported nor what was written.',
  'report.whom': 'Whom do you report?',
  'report.cause': 'What is wrong?',
  'report.text': 'More about it (if you like)',
  'report.textNeeded': 'More about it',
  'report.hint.LAWYER': 'At most 500 characters. No telephone or identity numbers are needed.',
  'report.hint.CITIZEN':
    'At most 500 characters. Only what the other side did: not what was asked, no name, telephone or identity number.',
  'report.textFirst': 'With “Something else”, please say what is wrong.',
  'report.send': 'Send the report',
  'report.cancel': 'Do not report',
  'report.done': 'Your report has arrived; a supervisor looks into it.',
  'report.already': 'You have reported this before; a supervisor looks into it.',
  'report.tooMany': 'Too many reports. Please try again later.',
  'report.tooLate': 'This is too long ago to be reported. You may call 12348.',
  'report.failed': 'It was not sent. Please try again.',
  'report.INSULT': 'Insults',
  'report.THREAT': 'Threats',
  'report.HARASSMENT': 'Harassment, indecency',
  'report.SOLICITATION': 'Asks for money, private deals, fraud',
  'report.DISRUPTION': 'Keeps the line busy, disturbs again and again',
  'report.ILLEGAL': 'Unlawful content',
  'report.PRIVACY': 'Invades privacy, records in secret',
  'report.OTHER': 'Something else',

  'warned.title': 'A word from the bureau',
  'warned.text':
    'Looked into on {time}: {cause}. Please be civil; if it happens again, you may be kept out for a time.',
  'warned.read': 'I have read this',
  'warned.failed': 'That did not work. Please tap again.',
}

export const reportWords: Book<keyof typeof zh> = { zh, en }
