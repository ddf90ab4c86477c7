// A page that somebody looks at again: it was behind another one, frozen, or in the back-forward cache.

/** Calls `back` each time; what happened meanwhile may have passed the page unnoticed. Answers with how to stop. */
export function onReturn(back: () => void): () => void {
  const look = (): void => {
    if (document.visibilityState === 'visible') back()
  }
  const signs: [EventTarget, string][] = [
    [document, 'visibilitychange'],
    [document, 'resume'],
    [window, 'pageshow'],
  ]
  for (const [target, sign] of signs) target.addEventListener(sign, look)
  return () => {
    for (const [target, sign] of signs) target.removeEventListener(sign, look)
  }
}
