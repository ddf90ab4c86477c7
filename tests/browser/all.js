// Runs the files of browser tests, two at a time: all, or those named. A file that failed is run once more, alone.
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { run } from 'node:test'
import { tap } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'

/** Files at a time; each has a server and two browsers, and encodes and decodes video. */
const TOGETHER = 2
/** What one file may take at most, in milliseconds. */
const FILE_MS = 600_000

const here = fileURLToPath(new URL('.', import.meta.url))
const named = process.argv.slice(2).map(name => basename(name))
const files = named.length > 0 ? named : readdirSync(here).filter(name => name.endsWith('.test.js'))

const red = await redOf(files, TOGETHER)
if (red.length > 0) {
  console.log(`# run once more, alone: ${red.join(', ')}`)
  const still = await redOf(red, 1)
  const shaky = red.filter(name => !still.includes(name))
  if (shaky.length > 0) console.log(`# SHAKY, red and then green: ${shaky.join(', ')}`)
  if (still.length > 0) {
    console.log(`# RED, twice: ${still.join(', ')}`)
    process.exitCode = 1
  }
}

/** Runs these and prints what happens; answers with the files in which something failed. */
async function redOf(names, concurrency) {
  const failed = new Set()
  const stream = run({ files: names.map(name => here + name), concurrency, timeout: FILE_MS })
  stream.on('test:fail', ({ file, name, todo }) => {
    if (todo === undefined) failed.add(basename(file ?? name))
  })
  for await (const words of stream.compose(tap)) process.stdout.write(words)
  return names.filter(name => failed.has(name))
}
