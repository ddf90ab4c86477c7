// Real-time text: what changed in a line since it was last shown, and a line as the other side shows it. Characters are
// counted as the server counts them, by code point.

/** How to make one line of another: the first `keep` characters stay, `text` follows. */
export interface Change {
  keep: number
  text: string
}

/** What to say so that who knows `from` sees `to`. */
export function changeOf(from: string, to: string): Change {
  const [before, after] = [Array.from(from), Array.from(to)]
  let keep = 0
  while (keep < before.length && keep < after.length && before[keep] === after[keep]) keep += 1
  return { keep, text: after.slice(keep).join('') }
}

/** The line after the change. */
export function changed(line: string, { keep, text }: Change): string {
  return Array.from(line).slice(0, keep).join('') + text
}

/** RFC 8865 collects characters for at most 500 ms, and advises 300. */
export const TYPE_EVERY_MS = 300

/** Says a line while it grows: one message at a time, and a new one at most every `TYPE_EVERY_MS`. */
export class LiveLine {
  private known = ''
  private wanted = ''
  private timer: ReturnType<typeof setTimeout> | undefined
  private saying = false
  /** Rises with each line: what is heard of an older one is no news. */
  private line = 0

  /** `say` answers whether the change was taken. */
  constructor(private readonly say: (change: Change) => Promise<boolean>) {}

  /** The field holds this now. */
  type(text: string): void {
    this.wanted = text
    if (!this.saying && this.timer === undefined) void this.tell()
  }

  /** The line was sent, or is not shown any more: the next one begins empty. */
  done(): void {
    this.known = ''
    this.wanted = ''
    this.line += 1
  }

  /** The server knows this already: a page that was loaded anew. */
  resume(text: string): void {
    this.known = text
    this.wanted = text
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.done()
  }

  private async tell(): Promise<void> {
    if (this.wanted === this.known) return
    const { line, wanted } = this
    const change = changeOf(this.known, wanted)
    this.known = wanted
    this.saying = true
    this.timer = setTimeout(() => {
      this.timer = undefined
      if (!this.saying) void this.tell()
    }, TYPE_EVERY_MS)
    const taken = await this.say(change)
    this.saying = false
    // What was thought to be known is not: the whole line once more.
    if (!taken && line === this.line) this.known = ''
    if (this.timer === undefined) void this.tell()
  }
}
