// A ring for somebody who looks elsewhere: the title of the window, and a notification where the browser may show one.
import { onUnmounted, watchEffect } from 'vue'
import { RING_TAG } from './notice'
import { hideNotices } from './push'

/** How fast the title flashes while it rings. */
const FLASH_MS = 900

/** Says `words()` as long as there are any; `plain()` is the title otherwise. `now` ticks. */
export function useAnnouncement(words: () => string | null, plain: () => string, now: () => number): void {
  let shown: Notification | null = null
  let said: string | null = null

  watchEffect(() => {
    const ring = words()
    // In the background timers may tick once a minute: there the title does not flash, it stays.
    const isOn = document.visibilityState === 'hidden' || Math.floor(now() / FLASH_MS) % 2 === 0
    document.title = ring !== null && isOn ? ring : plain()
    if (ring === said) return
    said = ring
    hide()
    if (ring !== null && document.visibilityState === 'hidden') show(ring)
  })
  onUnmounted(hide)

  function show(ring: string): void {
    if (!('Notification' in window) || Notification.permission !== 'granted') return
    try {
      // One per desk, whatever the number of its windows.
      shown = new Notification(ring, { tag: RING_TAG, requireInteraction: true })
      shown.onclick = () => {
        window.focus()
        hide()
      }
    } catch {
      // Phones show notifications through a service worker only; there the ring and the title have to do.
    }
  }

  function hide(): void {
    shown?.close()
    shown = null
    void hideNotices(RING_TAG)
  }
}

/** Asks whether it may; to be called from a tap. */
export async function allowAnnouncements(): Promise<void> {
  if ('Notification' in window && Notification.permission === 'default') await Notification.requestPermission()
}
