// The code of an invitation behind `#` of the address: no server and no log sees it there.
const MARK = '#join='

/** Takes the code out of the address, so that it stays in no history; `null` when the page was opened without one. */
export function takeJoinCode(): string | null {
  const { hash, pathname, search } = window.location
  if (!hash.startsWith(MARK)) return null
  window.history.replaceState(null, '', pathname + search)
  return decoded(hash.slice(MARK.length)).slice(0, 40)
}

/** A link that was cut in two may end within a sign: then it is shown as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
