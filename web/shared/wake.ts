// Keeps the screen on during a call: a locked phone stops the microphone within seconds.

export function keepAwake(): { hold(wanted: boolean): void } {
  let wanted = false
  let lock: WakeLockSentinel | null = null

  const refresh = async (): Promise<void> => {
    if (!('wakeLock' in navigator)) return
    try {
      if (wanted && !lock && document.visibilityState === 'visible') {
        lock = await navigator.wakeLock.request('screen')
        lock.addEventListener('release', () => {
          lock = null
        })
      } else if (!wanted && lock) {
        await lock.release()
      }
    } catch {
      // A low battery may refuse it; the call goes on.
    }
  }
  // The browser takes the lock away while the page is hidden.
  document.addEventListener('visibilitychange', () => void refresh())
  return {
    hold: next => {
      wanted = next
      void refresh()
    },
  }
}
