// A desk that nobody looks at: the browser is told by its push service, shows a notification, and leads back to the desk.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { putBehind, startOrdinary } from './lib/ordinary.js'
import { call, closeQuietly, openCitizen, openDesk, until } from './lib/people.js'
import { startPushService } from './lib/push.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

const service = await startPushService()
useStage([`push.services=${service.origin}`], [startOrdinary, startOrdinary])

test('a desk behind another tab is told of a ring by its worker, which takes the words back when the ring is over', async () => {
  const [atHome, atDesk] = browsers
  const permissions = ['camera', 'microphone', 'notifications']
  // The services of the makers cannot be reached from here: the subscription is one of ours, with real keys.
  const init = `PushManager.prototype.subscribe = async () => ({ toJSON: () => (${JSON.stringify(service.subscription)}) })`
  const lawyer = await openDesk(atDesk, server, 'lawyer1', { init, permissions })
  await lawyer.getByTestId('push-on').waitFor()
  await lawyer.screenshot({ path: `${OUTPUT}push-on-desktop.png` })
  const deliver = await pushTo(lawyer)

  // Before the eyes the desk rings by itself, and nothing is shown besides.
  const citizen = await openCitizen(atHome, server)
  await call(citizen, 'text')
  await lawyer.getByTestId('offer').waitFor()
  await deliver(await service.pushed())
  assert.deepEqual(await shown(lawyer), [])
  await citizen.getByTestId('cancel').click()

  const show = await putBehind(lawyer)
  await call(citizen, 'text')
  const message = await service.pushed()
  await deliver(message)
  await until(async () => (await shown(lawyer)).length > 0, 'nothing is shown')
  const [notice] = await shown(lawyer)
  assert.equal(notice.title, '有人来咨询')
  assert.match(notice.body, /^劳动社保 · 文字 · \S+$/)
  await citizen.getByTestId('cancel').click()
  await until(async () => (await shown(lawyer)).length === 0, 'it is still shown')
  await show()
  await closeQuietly(citizen, lawyer)
})

test('a desk whose browser forbids notifications says what to do about it', async () => {
  const [, atDesk] = browsers
  const init = "Object.defineProperty(Notification, 'permission', { value: 'denied' })"
  const lawyer = await openDesk(atDesk, server, 'lawyer2', { init })

  await lawyer.getByTestId('push-denied').waitFor()
  await lawyer.screenshot({ path: `${OUTPUT}push-denied-desktop.png` })
  await closeQuietly(lawyer)
})

/** How the browser hands a push to the worker. */
async function pushTo(page) {
  const session = await page.context().newCDPSession(page)
  let registrationId = null
  session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    registrationId = registrations.find(one => one.scopeURL.endsWith('/lawyer/'))?.registrationId ?? registrationId
  })
  await session.send('ServiceWorker.enable')
  await until(() => registrationId !== null, 'there is no worker')
  return data => session.send('ServiceWorker.deliverPushMessage', { origin: server.url, registrationId, data })
}

function shown(page) {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration('/lawyer/')
    const notices = (await registration?.getNotifications()) ?? []
    return notices.map(({ title, body }) => ({ title, body }))
  })
}
