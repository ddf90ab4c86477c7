// The desk's service worker: shows a ring while nobody looks at the desk, and leads back to it. It keeps and fetches nothing.
import { RING_TAG, readNotice } from './notice'

/** What a worker has and a page has not, as far as it is used here (W3C Service Workers, Push API, Notifications). */
interface Windows {
  matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<DeskWindow[]>
  openWindow(url: string): Promise<unknown>
}
interface DeskWindow {
  url: string
  visibilityState: DocumentVisibilityState
  focus(): Promise<unknown>
}
interface WorkerEvent extends Event {
  data?: { json(): unknown } | null
  notification?: Notification
  waitUntil(work: Promise<unknown>): void
}
interface Worker {
  clients: Windows
  registration: ServiceWorkerRegistration
  location: Location
  skipWaiting(): Promise<void>
  addEventListener(type: 'install' | 'push' | 'notificationclick', listener: (event: WorkerEvent) => void): void
}
const worker = globalThis as unknown as Worker
const DESK = '/lawyer/'

worker.addEventListener('install', event => event.waitUntil(worker.skipWaiting()))

worker.addEventListener('push', event => event.waitUntil(ring(event)))

worker.addEventListener('notificationclick', event => {
  event.notification?.close()
  event.waitUntil(lead())
})

async function ring(event: WorkerEvent): Promise<void> {
  // Whoever looks at the desk sees and hears it there.
  if ((await desks()).some(desk => desk.visibilityState === 'visible')) return
  const language = new URLSearchParams(worker.location.search).get('language') === 'en' ? 'en' : 'zh'
  const { title, body } = readNotice(read(event), language, Date.now())
  await worker.registration.showNotification(title, {
    body,
    tag: RING_TAG,
    requireInteraction: true,
    lang: language === 'zh' ? 'zh-CN' : 'en',
  })
}

function read(event: WorkerEvent): unknown {
  try {
    return event.data?.json()
  } catch {
    return null
  }
}

async function lead(): Promise<void> {
  const [desk] = await desks()
  if (desk) await desk.focus()
  else await worker.clients.openWindow(DESK)
}

async function desks(): Promise<DeskWindow[]> {
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  return windows.filter(one => new URL(one.url).pathname.startsWith(DESK))
}
