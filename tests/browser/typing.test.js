// Real-time text: who cannot hear or speak is read while writing, and reads along.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertAccessible, assertFits } from './lib/judge.js'
import { closeQuietly, newestRecord, say, talk, writeOutcome } from './lib/people.js'
import { browsers, OUTPUT, server, useStage } from './lib/stage.js'

useStage()

test('a deaf citizen writes, is read letter by letter, reads along, and the record says so', async () => {
  const [atHome, atDesk] = browsers
  const { citizen, lawyer } = await talk(atHome, atDesk, server, { channel: 'text' })

  await citizen.getByTestId('live-text').click()
  await citizen.getByTestId('chat-input').pressSequentially('我听不见，请')
  await lawyer.getByTestId('writing').filter({ hasText: '我听不见，请' }).waitFor()
  await citizen.getByTestId('chat-input').press('Backspace')
  await citizen.getByTestId('chat-input').pressSequentially('😢您打字')
  await lawyer.getByTestId('writing').filter({ hasText: /我听不见，😢您打字/ }).waitFor()
  // The desk follows, so that both read along.
  await lawyer.getByTestId('live-note').waitFor()
  await lawyer.getByTestId('chat-input').pressSequentially('好的，我打')
  await citizen.getByTestId('writing').filter({ hasText: '好的，我打' }).waitFor()
  await look(citizen, 'phone')
  await look(lawyer, 'desktop')

  // The line goes on in a page that is loaded anew.
  await citizen.reload()
  await citizen.locator('[data-testid=chat-input]').waitFor()
  await citizen.waitForFunction(() => document.querySelector('[data-testid=chat-input]').value === '我听不见，😢您打字')
  await citizen.getByTestId('chat-input').press('End')
  await citizen.getByTestId('chat-input').pressSequentially('吧')
  await lawyer.getByTestId('writing').filter({ hasText: '我听不见，😢您打字吧' }).waitFor()
  await citizen.getByTestId('chat-send').click()
  await lawyer.getByTestId('chat-log').locator('li', { hasText: '我听不见，😢您打字吧' }).waitFor()
  await lawyer.getByTestId('writing').waitFor({ state: 'detached' })

  // Switched off, what stands there is taken back; a line that is sent still comes.
  await citizen.getByTestId('chat-input').pressSequentially('等')
  await lawyer.getByTestId('writing').waitFor()
  await citizen.getByTestId('live-text').click()
  await lawyer.getByTestId('writing').waitFor({ state: 'detached' })
  await say(citizen, '谢谢')
  await lawyer.getByTestId('chat-log').getByText('谢谢').waitFor()

  await citizen.getByTestId('hangup').click()
  await writeOutcome(lawyer)
  const { page: office, record } = await newestRecord(atDesk, server)
  assert.equal(record.realTimeText, true)
  assert.ok(record.legs.every(leg => leg.realTimeChars > 0))
  await closeQuietly(citizen, lawyer, office)
})

/** In both languages, for the judge and for the eye. */
async function look(page, name) {
  for (const language of ['zh', 'en']) {
    await assertAccessible(page, `${name} ${language}`)
    await assertFits(page, `${name} ${language}`)
    await page.screenshot({ path: `${OUTPUT}typing-${name}-${language}.png` })
    await page.getByTestId('language').click()
  }
}
