// Words of one's own account, which lawyers and the office share.
import type { Book } from '../i18n'

const zh = {
  'account.open': '账号',
  'account.title': '我的账号',
  'account.loading': '正在读取……',
  'account.failed': '没有读到账号的情况，请再试一次。',
  'totp.title': '两步登录',
  'totp.off': '没有打开。打开后，每次登录除了密码，还要输入手机验证器上的 6 位数字；别人即使知道密码也进不来。',
  'totp.on': '已打开：每次登录都要输入手机验证器上的 6 位数字。',
  'totp.begin': '打开两步登录',
  'totp.scan': '用手机验证器（如腾讯身份验证器、Microsoft Authenticator）扫这个码：',
  'totp.qr': '两步登录的二维码，内容与下面的密钥相同',
  'totp.type': '不能扫码时，在验证器里手动输入这个密钥：',
  'totp.here': '验证器就在本机？点这里添加',
  'totp.once': '密钥只显示这一次，请不要拍给别人。',
  'totp.code': '验证器上的 6 位数字',
  'totp.confirm': '确认，打开',
  'totp.stop': '关掉两步登录',
  'totp.stopLead': '为了确认是您本人，请输入验证器上现在的 6 位数字。每个数字只能用一次。',
  'totp.stopNow': '确认，关掉',
  'totp.cancel': '先不弄了',
  'totp.isOn': '两步登录已打开。',
  'totp.isOff': '两步登录已关掉。',
  'totp.busy': '请稍等……',
  'totp.wrong': '这个数字不对，或已经用过。请等验证器换出新的数字再输入。',
  'totp.six': '请输入 6 位数字。',
  'totp.limited': '输错太多次，请 15 分钟后再试。',
  'totp.elsewhere': '两步登录已在别处打开，请关掉本窗再看。',
} as const

const en: Record<keyof typeof zh, string> = {
  'account.open': 'Account',
  'account.title': 'My account',
  'account.loading': 'Loading…',
  'account.failed': 'The account could not be read. Please try again.',
  'totp.title': 'Two-step sign-in',
  'totp.off':
    'It is off. When it is on, every sign-in needs the 6 digits of your authenticator besides the password, so that a stolen password opens nothing.',
  'totp.on': 'It is on: every sign-in needs the 6 digits of your authenticator.',
  'totp.begin': 'Switch two-step sign-in on',
  'totp.scan': 'Scan this with an authenticator on your phone (such as Microsoft Authenticator):',
  'totp.qr': 'QR code of the two-step sign-in; it says the same as the key below',
  'totp.type': 'If you cannot scan it, type this key into the authenticator:',
  'totp.here': 'The authenticator is on this device? Add it here',
  'totp.once': 'The key is shown only this once. Give it to nobody.',
  'totp.code': 'The 6 digits of the authenticator',
  'totp.confirm': 'Confirm and switch on',
  'totp.stop': 'Switch two-step sign-in off',
  'totp.stopLead':
    'To be sure that it is you: enter the 6 digits that the authenticator shows now. Each works only once.',
  'totp.stopNow': 'Confirm and switch off',
  'totp.cancel': 'Not now',
  'totp.isOn': 'Two-step sign-in is on.',
  'totp.isOff': 'Two-step sign-in is off.',
  'totp.busy': 'One moment…',
  'totp.wrong': 'These digits are wrong or were used. Wait until the authenticator shows new ones.',
  'totp.six': 'Please enter 6 digits.',
  'totp.limited': 'Too many tries. Please wait 15 minutes.',
  'totp.elsewhere': 'Two-step sign-in was switched on elsewhere. Please close this and look again.',
}

export const accountWords: Book<keyof typeof zh> = { zh, en }
