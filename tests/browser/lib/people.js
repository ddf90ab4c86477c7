// What citizens, lawyers and the office do in their pages, by the hooks that the pages promise.
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { DESKTOP, openWindow, PATIENCE_MS, PHONE } from './browser.js'
import { assertAccessible, assertFits } from './judge.js'

/** Waits until the page says this state. */
export async function reach(page, state, timeout = PATIENCE_MS) {
  try {
    await page.locator(`[data-testid=state][data-state=${state}]`).waitFor({ timeout })
  } catch {
    const now = await page.getByTestId('state').getAttribute('data-state')
    throw new Error(`waited for ${state}, but the page says ${now}: ${await page.locator('main').innerText()}`)
  }
}

/** The same, and what it shows then can be used by everybody. */
export async function reachFit(page, state, timeout = PATIENCE_MS) {
  await reach(page, state, timeout)
  await assertAccessible(page, state)
  await assertFits(page, state)
}

/** A citizen in front of the tiles. */
export async function openCitizen(browser, server, { path = '/', ...more } = {}) {
  const page = await openWindow(browser, { size: PHONE, ...more })
  await watchMedia(page)
  await page.goto(server.url + path)
  await page.getByTestId('area-LABOUR').waitFor()
  return page
}

/** The three taps. */
export async function call(page, channel, area = 'LABOUR') {
  await page.getByTestId(`area-${area}`).click()
  await page.getByTestId(`channel-${channel}`).click()
  await page.getByTestId('call').click()
}

/** A lawyer who is signed in and on duty, with the transport up. */
export async function openDesk(browser, server, user = 'lawyer1', { onDuty = true, ...more } = {}) {
  const page = await openWindow(browser, { size: DESKTOP, ...more })
  await watchMedia(page)
  await page.goto(`${server.url}/lawyer/`)
  await signIn(page, server.lawyer(user))
  await page.locator('[data-testid=presence]:not([data-presence=OFFLINE])').waitFor()
  if (onDuty) {
    await page.getByTestId('duty').click()
    await page.locator('[data-testid=presence][data-presence=AVAILABLE]').waitFor()
    await page.locator('[data-testid=media-path][data-status=connected]').waitFor()
  }
  return page
}

/** A member of the office in front of the sessions. */
export async function openOffice(browser, server, role = 'SUPERVISOR', more = {}) {
  const page = await openWindow(browser, { size: DESKTOP, ...more })
  await page.goto(`${server.url}/office/`)
  await signIn(page, server.staff(role))
  return page
}

export async function signIn(page, { user, password }) {
  await page.getByTestId('user').fill(user)
  await page.getByTestId('password').fill(password)
  await page.getByTestId('login').click()
}

/** Two who talk. */
export async function talk(atHome, atDesk, server, { user, channel = 'video', init = null }) {
  const state = channel === 'text' ? 'text-only' : 'active'
  const lawyer = await openDesk(atDesk, server, user)
  const citizen = await openCitizen(atHome, server, { init })
  await call(citizen, channel)
  await lawyer.getByTestId('accept').click()
  await Promise.all([reach(citizen, state), reach(lawyer, state)])
  return { citizen, lawyer }
}

/** Types one line. */
export async function say(page, text) {
  await page.getByTestId('chat-input').fill(text)
  await page.getByTestId('chat-send').click()
}

/** Says one line on each side and sees it on the other. */
export async function chatBothWays(citizen, lawyer) {
  for (const [from, to, text] of [
    [citizen, lawyer, '老板三个月没发工资了。'],
    [lawyer, citizen, '您有劳动合同吗？'],
  ]) {
    await say(from, text)
    await to.getByTestId('chat-log').getByText(text).waitFor()
  }
}

export async function writeOutcome(lawyer, outcome = 'ADVICE_GIVEN') {
  await reachFit(lawyer, 'ended')
  await lawyer.getByTestId('outcome').selectOption(outcome)
  await lawyer.getByTestId('finish').click()
  await reachFit(lawyer, 'idle')
}

export async function rate(citizen, stars) {
  await reachFit(citizen, 'ended')
  await citizen.getByTestId(`star-${stars}`).click()
  await citizen.getByTestId('rate').click()
  await citizen.getByTestId('rated').waitFor()
}

/** Opens the newest record in the office and reads it whole. */
export async function newestRecord(browser, server) {
  const page = await openOffice(browser, server)
  const row = page.getByTestId('session-row').first()
  await row.waitFor()
  for (let tries = 0; (await row.getAttribute('data-record')) === '' && tries < 50; tries += 1) {
    await page.waitForTimeout(200)
    await page.getByTestId('refresh').click()
  }
  const id = await row.getAttribute('data-record')
  assert.ok(id, 'the newest session has a sealed record')
  await row.getByTestId('open-record').click()
  await page.locator(`[data-testid=record][data-record="${id}"]`).waitFor()
  const shown = Number(await page.getByTestId('record').getAttribute('data-two-way-s'))
  const record = await page.evaluate(async path => {
    const response = await fetch(path, { headers: { 'Yunfa-Door': 'office' } })
    return response.json()
  }, `/api/records/${id}`)
  assert.equal(shown, record.twoWayS)
  return { page, record }
}

/** Signs lawyers out, closes the windows and sees that none of them complained. */
export async function closeQuietly(...pages) {
  for (const page of pages) {
    if (await page.getByTestId('logout').isVisible()) {
      await page.getByTestId('logout').click()
      await page.getByTestId('login').waitFor()
    }
    await page.context().close()
    assert.deepEqual(page.complaints, [])
  }
}

/** Signs out whoever is signed in and closes every window of a browser. */
export async function closeAll(browser) {
  for (const context of browser.contexts()) {
    for (const page of context.pages()) {
      await page.evaluate(() => {
        const door = location.pathname.split('/')[1]
        return door && fetch('/api/logout', { method: 'POST', headers: { 'Yunfa-Door': door } })
      })
    }
    await context.close()
  }
}

/** Keeps, inside the page, what a test later asks: connections, when media came, when the first frame was decoded, when "accept" was pressed. */
export async function watchMedia(page) {
  await page.addInitScript(() => {
    const EVERY_MS = 50
    const MOST_FRAMES = 500
    const now = () => performance.timeOrigin + performance.now()
    const seen = { connections: [], acceptedAt: 0, firstFrameAt: 0, firstMediaAt: 0, lastMediaAt: 0, received: 0, frames: 0, connectedAt: 0, shownAt: [] }
    window.seen = seen
    const Real = window.RTCPeerConnection
    window.RTCPeerConnection = class extends Real {
      constructor(...given) {
        super(...given)
        seen.connections.push(this)
        this.addEventListener('connectionstatechange', () => {
          if (this.connectionState === 'connected') seen.connectedAt = now()
        })
      }
    }
    document.addEventListener('click', event => {
      if (event.target.closest?.('#accept')) seen.acceptedAt = now()
    }, true)
    let watched = null
    setInterval(() => {
      const video = document.getElementById('remote-video')
      if (!video || video === watched) return
      watched = video
      const shown = () => {
        seen.firstFrameAt ||= now()
        seen.frames += 1
        seen.shownAt.push(now())
        if (seen.shownAt.length > MOST_FRAMES) seen.shownAt.shift()
        video.requestVideoFrameCallback(shown)
      }
      video.requestVideoFrameCallback?.(shown)
    }, 5)
    setInterval(async () => {
      const connection = seen.connections.findLast(one => one.connectionState === 'connected')
      if (!connection) return
      let received = 0
      for (const entry of (await connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp') received += entry.packetsReceived
      }
      if (received > seen.received) {
        seen.firstMediaAt ||= now()
        seen.lastMediaAt = now()
      }
      seen.received = received
    }, EVERY_MS)
  })
}

/** What `watchMedia` has seen. */
export function seen(page) {
  return page.evaluate(() => ({ ...window.seen, connections: window.seen.connections.length }))
}

/** Frames decoded and sound energy received so far, and the codec of the frames. */
export function received(page) {
  return page.evaluate(async () => {
    const connection = window.seen.connections.findLast(one => one.connectionState === 'connected')
    const sum = { frames: 0, energy: 0, audioPackets: 0, shown: 0, width: 0, codec: '' }
    // A page that has only just come back into its call is still connecting.
    if (!connection) return sum
    const stats = await connection.getStats()
    for (const entry of stats.values()) {
      if (entry.type !== 'inbound-rtp') continue
      sum.frames += entry.framesDecoded ?? 0
      sum.energy += entry.totalAudioEnergy ?? 0
      if (entry.kind === 'audio') sum.audioPackets += entry.packetsReceived
      if (entry.framesDecoded > 0) sum.codec = stats.get(entry.codecId)?.mimeType ?? ''
    }
    const video = document.getElementById('remote-video')
    // Firefox counts no frames of streams.
    sum.shown = Math.max(video?.getVideoPlaybackQuality().totalVideoFrames ?? 0, window.seen.frames)
    sum.width = video?.videoWidth ?? 0
    return sum
  })
}

/** The other side is seen from now on. */
export async function seesMore(page) {
  const { frames } = await received(page)
  await until(async () => {
    const now = await received(page)
    return now.frames > frames + 5 && now.width > 0
  }, 'nothing is seen')
}

/** The other side's voice is heard from now on. */
export async function heard(page) {
  const { energy } = await received(page)
  await until(async () => (await received(page)).energy > energy, 'nothing is heard')
}

/** Asks again and again, also a page that is behind another one and whose own timers are slow. */
export async function until(isSo, otherwise, patience = PATIENCE_MS) {
  for (const end = Date.now() + patience; Date.now() < end; await pause(100)) if (await isSo()) return
  throw new Error(otherwise)
}
