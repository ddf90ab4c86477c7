// Real-time text of one page: a switch, and the line in the field as it grows.
import { onScopeDispose, ref, watch } from 'vue'
import type { SessionView } from './protocol'
import type { Talk } from './talk'
import { LiveLine } from './typing'
import type { useLink } from './useLink'

/** Where a phone remembers that its owner writes in real-time text. */
const STORED = 'yunfa.liveText'

/** `follows`: it is switched on as soon as the other side uses it, as at a desk, which serves whoever needs it. */
export function useTyping(
  link: ReturnType<typeof useLink>,
  talk: () => Talk,
  session: () => SessionView,
  follows: boolean,
) {
  const on = ref(!follows && localStorage.getItem(STORED) === 'on')
  let wasChosen = false
  const line = new LiveLine(async change => {
    return (await link.socket.say({ type: 'typeText', session: session().id, ...change })) === null
  })
  // A page that was loaded anew goes on with its own line.
  watch(
    () => talk().drafts[session().you],
    own => {
      if (own !== undefined) line.resume(own)
    },
    { immediate: true },
  )
  watch(
    () => Object.keys(talk().drafts).some(leg => leg !== session().you),
    others => {
      if (follows && others && !wasChosen) on.value = true
    },
    { immediate: true },
  )
  onScopeDispose(() => line.stop())

  /** A tap on the switch; what stands in the field is shown, or taken back. */
  function choose(text: string): void {
    wasChosen = true
    on.value = !on.value
    if (!follows) localStorage.setItem(STORED, on.value ? 'on' : 'off')
    line.type(on.value ? text : '')
  }

  return {
    on,
    choose,
    /** The field holds this now. */
    type: (text: string) => on.value && line.type(text),
    /** The line was sent. */
    done: () => line.done(),
  }
}
