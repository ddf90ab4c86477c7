// A telephone number, for those who want to leave one: the number, the code that is sent to it, done.
import { computed, ref } from 'vue'
import { type Api, problemCode } from '#shared/api'
import { useNow } from '#shared/ticker'

/** The last digits of the number that this guest left: enough to recognise it. */
const LEFT = 'yunfa.phone'
const TAIL_DIGITS = 4
/** How long until another code may be asked for. */
const PATIENCE_MS = 60_000

export type PhoneTrouble =
  | 'badNumber'
  | 'six'
  | 'wrong'
  | 'limited'
  | 'unavailable'
  | 'unreachable'
  | 'draining'
  | 'internal'

/** Eleven digits as people write them, or nothing when it is no mobile number of the mainland. */
export function mobileOf(text: string): string | null {
  const digits = text.replace(/[\s-]/g, '').replace(/^\+86/, '')
  return /^1[3-9]\d{9}$/.test(digits) ? digits : null
}

export function usePhone(api: Api) {
  const tail = ref(readTail())
  const step = ref<'closed' | 'number' | 'code'>('closed')
  const number = ref('')
  const code = ref('')
  const busy = ref(false)
  const trouble = ref<PhoneTrouble | null>(null)
  const againAt = ref(0)
  const now = useNow()

  async function sendCode(): Promise<void> {
    const phone = mobileOf(number.value)
    if (phone === null) {
      trouble.value = 'badNumber'
      return
    }
    await ask('/api/citizen/phone/code', { phone }, () => {
      step.value = 'code'
      code.value = ''
      againAt.value = Date.now() + PATIENCE_MS
    })
  }

  async function confirm(): Promise<void> {
    const phone = mobileOf(number.value)
    const digits = code.value.replace(/\s/g, '')
    if (phone === null || !/^\d{6}$/.test(digits)) {
      trouble.value = phone === null ? 'badNumber' : 'six'
      return
    }
    await ask('/api/citizen/phone', { phone, code: digits }, () => {
      keepTail(phone.slice(-TAIL_DIGITS))
      close()
    })
  }

  async function ask(path: string, body: object, then: () => void): Promise<void> {
    if (busy.value) return
    busy.value = true
    trouble.value = null
    try {
      await api.post(path, body)
      then()
    } catch (error) {
      trouble.value = troubleOf(problemCode(error))
    } finally {
      busy.value = false
    }
  }

  function open(): void {
    step.value = 'number'
    trouble.value = null
  }

  function close(): void {
    step.value = 'closed'
    number.value = ''
    code.value = ''
    trouble.value = null
  }

  /** Another guest: what was left belongs to the one before. */
  function forget(): void {
    keepTail('')
    close()
  }

  function keepTail(digits: string): void {
    tail.value = digits
    try {
      if (digits === '') localStorage.removeItem(LEFT)
      else localStorage.setItem(LEFT, digits)
    } catch {
      // Without storage it is shown for this visit.
    }
  }

  return {
    tail,
    step,
    number,
    code,
    busy,
    trouble,
    /** Seconds until another code may be asked for. */
    patience: computed(() => Math.max(0, Math.ceil((againAt.value - now.value) / 1000))),
    open,
    close,
    forget,
    sendCode,
    confirm,
  }
}

function troubleOf(code: string): PhoneTrouble {
  switch (code) {
    case 'bad-message':
      return 'badNumber'
    case 'wrong-code':
      return 'wrong'
    case 'rate-limited':
      return 'limited'
    case 'sms-unavailable':
      return 'unavailable'
    case 'unreachable':
    case 'draining':
      return code
    default:
      return 'internal'
  }
}

function readTail(): string {
  try {
    return localStorage.getItem(LEFT) ?? ''
  } catch {
    return ''
  }
}
