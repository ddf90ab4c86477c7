// Words of the sign-in form, which lawyers and the office share.
import type { Book } from '../i18n'

const zh = {
  'signin.title': '登录',
  'signin.user': '用户名',
  'signin.password': '密码',
  'signin.totp': '动态验证码（6 位）',
  'signin.totpHint': '请输入手机验证器上的 6 位数字。',
  'signin.submit': '登录',
  'signin.busy': '正在登录……',
  'signin.wrong': '用户名或密码不对。',
  'signin.wrongTotp': '验证码不对，请重新输入。',
  'signin.limited': '尝试次数太多，请 15 分钟后再试。',
  'signin.otherDoor': '这个账号请从另一个页面登录。',
  'signin.expired': '登录已过期，请重新登录。',
} as const

const en: Record<keyof typeof zh, string> = {
  'signin.title': 'Sign in',
  'signin.user': 'User name',
  'signin.password': 'Password',
  'signin.totp': 'One-time code (6 digits)',
  'signin.totpHint': 'Enter the 6 digits of your authenticator.',
  'signin.submit': 'Sign in',
  'signin.busy': 'Signing in…',
  'signin.wrong': 'User name or password is wrong.',
  'signin.wrongTotp': 'The code is wrong. Please enter it again.',
  'signin.limited': 'Too many tries. Please wait 15 minutes.',
  'signin.otherDoor': 'This account signs in on another page.',
  'signin.expired': 'You were signed out. Please sign in again.',
}

export const signInWords: Book<keyof typeof zh> = { zh, en }
