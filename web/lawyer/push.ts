// Being told by the browser while nobody looks at the desk (W3C Push API): the subscription, and who was told of it.
import type { Api } from '#shared/api'
import { language } from '#shared/i18n'

/** Where the worker lies, and what it answers for. */
const WORKER = '/lawyer/worker.js'
const SCOPE = '/lawyer/'

/** `none`: the browser or the server knows no push service that can be reached. */
export type PushState = 'unknown' | 'on' | 'denied' | 'none'

/** Subscribes this browser for the present login; again and again is no harm. */
export async function subscribe(api: Api): Promise<PushState> {
  if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) return 'none'
  if (Notification.permission === 'denied') return 'denied'
  if (Notification.permission !== 'granted') return 'unknown'
  try {
    const { key } = await api.get<{ key: string | null }>('/api/push')
    if (key === null) return 'none'
    const { pushManager } = await start()
    const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
    await api.post('/api/push', subscription.toJSON())
    return 'on'
  } catch {
    // No push service can be reached from here, or it knows another key: the open window rings all the same.
    return 'none'
  }
}

/** Takes back what the worker shows. */
export async function hideNotices(tag: string): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration(SCOPE)
  for (const shown of (await registration?.getNotifications({ tag })) ?? []) shown.close()
}

/** Registers the worker, which speaks the language of the page, and waits until it works. */
async function start(): Promise<ServiceWorkerRegistration> {
  const options: RegistrationOptions = { scope: SCOPE, type: 'module', updateViaCache: 'none' }
  const registration = await navigator.serviceWorker.register(`${WORKER}?language=${language.value}`, options)
  const worker = registration.installing ?? registration.waiting
  if (worker && !registration.active) {
    await new Promise<void>(done => {
      worker.addEventListener('statechange', () => worker.state === 'activated' && done())
    })
  }
  return registration
}
