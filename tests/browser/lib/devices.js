// Devices that go away and come back, as much as possible in the way in which the browser itself notices it.
import { readFileSync } from 'node:fs'

/** The process that reads the cameras. The one that reads microphones also plays what is heard, so it has to live. */
const CAMERAS = 'video_capture.mojom.VideoCaptureService'

/** To run in a page before it does: while a device is gone there is none to be had, as `unplug`, `take` and `plugIn` say. */
export function sockets() {
  const gone = new Map()
  window.gone = gone
  window.captured = { microphone: [], camera: [] }
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async wanted => {
    const why = (wanted.audio && gone.get('microphone')) || (wanted.video && gone.get('camera'))
    if (why) throw new DOMException('Requested device is not to be had', why)
    const stream = await real(wanted)
    window.captured.microphone.push(...stream.getAudioTracks())
    window.captured.camera.push(...stream.getVideoTracks())
    return stream
  }
}

/** A device ends, and is not to be had any more for this reason; the page is told by hand. */
export function take(page, device, why) {
  return page.evaluate(([name, reason]) => {
    window.gone.set(name, reason)
    for (const track of window.captured[name].splice(0)) {
      track.stop()
      track.dispatchEvent(new Event('ended'))
    }
  }, [device, why])
}

/**
 * Pulls the plug, and there is no other device. A camera's track is ended by the browser, because the process that reads it
 * dies. The one that reads microphones also plays what is heard, so there the page is told by hand.
 */
export async function unplug(browser, page, device) {
  const why = 'NotFoundError'
  if (device === 'microphone') return take(page, device, why)
  await page.evaluate(([gone, reason]) => window.gone.set(gone, reason), [device, why])
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  const reader = processInfo.find(({ id }) => readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(CAMERAS))
  if (!reader) throw new Error(`nothing reads the ${device}: ${processInfo.map(({ type }) => type).join(', ')}`)
  process.kill(reader.id, 'SIGKILL')
}

/** Puts the plug back in; `heard` whether the browser tells the page. */
export function plugIn(page, device, { heard = true } = {}) {
  return page.evaluate(([back, tells]) => {
    window.gone.delete(back)
    if (tells) navigator.mediaDevices.dispatchEvent(new Event('devicechange'))
  }, [device, heard])
}

/** Permissions hold as long as the session in which they were said. */
const sessions = new WeakMap()

/** Changes what the user allows this page, as in the menu beside the address. */
export async function permit(browser, page, settings) {
  if (!sessions.has(browser)) sessions.set(browser, await browser.newBrowserCDPSession())
  const own = await page.context().newCDPSession(page)
  const { targetInfo } = await own.send('Target.getTargetInfo')
  await own.detach()
  const { browserContextId } = targetInfo
  const origin = new URL(page.url()).origin
  for (const [name, setting] of Object.entries(settings)) {
    await sessions.get(browser).send('Browser.setPermission', { permission: { name }, setting, origin, browserContextId })
  }
}

/** To run in a page before it does. Chromium lets a page that captures play at once; in-app browsers do not, and it is now like them. */
export function playOnlyAfterTap() {
  const play = HTMLMediaElement.prototype.play
  window.tapped = false
  document.addEventListener('click', () => {
    window.tapped = true
  }, true)
  HTMLMediaElement.prototype.play = function () {
    const may = this.muted || window.tapped
    return may ? play.call(this) : Promise.reject(new DOMException('no tap yet', 'NotAllowedError'))
  }
}
