// Times as people read them, in the language of the page and the time zone of the county.
import { dateTag } from './i18n'

const ZONE = 'Asia/Shanghai'

/** `2:05`, or `1:02:05` from an hour on. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** Date and time to the minute. */
export function dateTime(ms: number): string {
  return format(ms, { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' })
}

/** Date and time to the second, for records. */
export function exactTime(ms: number): string {
  return format(ms, {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
}

/** The time of day to the minute. */
export function timeOfDay(ms: number): string {
  return format(ms, { hour: '2-digit', minute: '2-digit' })
}

/** Day and time of day, for what is near. */
export function dayAndTime(ms: number): string {
  return format(ms, { month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit' })
}

function format(ms: number, options: Intl.DateTimeFormatOptions): string {
  return new Intl.DateTimeFormat(dateTag(), { ...options, hourCycle: 'h23', timeZone: ZONE }).format(ms)
}
