// Words about text questions that the citizen's page and the lawyer's desk share.
import type { Book } from '../i18n'

const zh = {
  'q.state.OPEN': '已收到',
  'q.state.MATCHING': '等律师解答',
  'q.state.ASSIGNED': '律师正在写',
  'q.state.IN_SERVICE': '已有解答，还在继续',
  'q.state.ANSWERED': '已解答',
  'q.state.CLOSED': '已结束',
  'q.state.UNSERVED': '没有律师解答',
  'q.state.CANCELLED': '已撤回',
  'q.state.ON_HOLD': '等待回电',
  'q.QUESTION': '问题',
  'q.ANSWER': '解答 {n}',
  'q.FOLLOW_UP': '追问 {n}',
  'q.REPLY': '回复追问 {n}',
  'q.asker': '提问人',
  'q.amended': '改过 {n} 次',
  'q.answers': '{n} 位律师已解答，最多 {max} 位',
  'q.left': '还能写 {n} 个字',
  'q.tooLong': '太长了，请缩短 {n} 个字。',
  'q.failed': '没有成功，请再试一次。写的字还在。',
  'q.loadFailed': '现在读不出来，请再试一次。',
  'q.over': '这件事已经结束了，不能再写。',
}

const en: Record<keyof typeof zh, string> = {
  'q.state.OPEN': 'Received',
  'q.state.MATCHING': 'Waiting for lawyers',
  'q.state.ASSIGNED': 'A lawyer is writing',
  'q.state.IN_SERVICE': 'Answered, and going on',
  'q.state.ANSWERED': 'Answered',
  'q.state.CLOSED': 'Closed',
  'q.state.UNSERVED': 'No lawyer answered',
  'q.state.CANCELLED': 'Taken back',
  'q.state.ON_HOLD': 'To be called back',
  'q.QUESTION': 'Question',
  'q.ANSWER': 'Answer {n}',
  'q.FOLLOW_UP': 'Further question {n}',
  'q.REPLY': 'Reply to question {n}',
  'q.asker': 'Asker',
  'q.amended': 'Changed {n} times',
  'q.answers': '{n} of at most {max} lawyers have answered',
  'q.left': '{n} characters left',
  'q.tooLong': 'Too long by {n} characters; please shorten it.',
  'q.failed': 'That did not work. Please try again. What you wrote is still here.',
  'q.loadFailed': 'It cannot be read right now. Please try again.',
  'q.over': 'This is over; nothing can be written any more.',
}

export const questionWords: Book<keyof typeof zh> = { zh, en }
