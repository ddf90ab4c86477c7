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
  'signin.otherDoor': '这个账号属于另一个页面，已为您登录。',
  'signin.goDoor': '打开那个页面',
  'signin.forgot': '忘了密码，或换了手机没有验证码？请找司法局的系统管理员。',
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
  'signin.otherDoor': 'This account belongs to another page; you are signed in there.',
  'signin.goDoor': 'Open that page',
  'signin.forgot': 'Forgot the password, or changed the phone with the codes? Ask the administrator of the bureau.',
  'signin.expired': 'You were signed out. Please sign in again.',
}

export const signInWords: Book<keyof typeof zh> = { zh, en }
