// Every field of the pages into which somebody can write, read out of their sources; and what tests have written into each.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { assertOnlyText, fitting, PAYLOADS } from './payloads.js'
import { until } from './people.js'

const WEB = new URL('../../../web/', import.meta.url)
const { parse } = createRequire(new URL('package.json', WEB))('vue/compiler-sfc')
/** Browsers let nothing into these but a tick, a number or a time. */
const HELD = ['checkbox', 'radio', 'number', 'date', 'datetime-local']
/** What would make markup, or a program, of text. */
const MAKERS = /v-html|innerHTML|outerHTML|insertAdjacentHTML|setHTML|createContextualFragment|DOMParser|document\.write|srcdoc|\beval\(|new Function\(/
/** Kinds of nodes and attributes in Vue's syntax tree. */
const ELEMENT = 1
const PLAIN = 6
const BOUND = 7

/** By name of the field: the payloads that were written into it. */
const written = new Map()

/** The sources of the pages. */
export function sources() {
  return ['citizen', 'lawyer', 'office', 'shared'].flatMap(folder =>
    readdirSync(new URL(`${folder}/`, WEB), { recursive: true })
      .filter(name => /\.(vue|ts)$/.test(name) && !name.endsWith('.test.ts'))
      .map(name => ({ name: `${folder}/${name}`, text: readFileSync(new URL(`${folder}/${name}`, WEB), 'utf8') })),
  )
}

/** Every field as `{ file, name, most }`: how tests find it, and how many characters it takes. */
export function fieldsOf(files) {
  const elements = files
    .filter(({ name }) => name.endsWith('.vue'))
    .flatMap(({ name, text }) => elementsOf(parse(text).descriptor.template?.ast).map(element => ({ file: name, ...element })))
  return elements.filter(isFree).flatMap(({ file, attributes }) => {
    const most = Number(attributes.maxlength ?? Number.POSITIVE_INFINITY)
    const name = attributes['data-testid'] ?? attributes.id
    if (name) return [{ file, name, most }]
    // A field that is a component of its own is named by whoever uses it.
    const tail = /^(?:props\.id|`\$\{props\.id\}(.*)`)$/.exec(attributes[':data-testid'] ?? '')
    const users = elements.filter(({ tag }) => tail && tag === basename(file, '.vue'))
    if (users.length === 0) return [{ file, name: `a field without a data-testid: ${JSON.stringify(attributes)}`, most }]
    return users.map(user => ({ file: user.file, name: `${user.attributes.id}${tail[1] ?? ''}`, most }))
  })
}

/** Whether somebody can write what they like there, or name a file as they like. */
function isFree({ tag, attributes }) {
  if ('contenteditable' in attributes || ':contenteditable' in attributes) return true
  return tag === 'textarea' || (tag === 'input' && !HELD.includes(attributes.type))
}

function elementsOf(node) {
  if (!node) return []
  const own = node.type === ELEMENT ? [{ tag: node.tag, attributes: Object.fromEntries(node.props.flatMap(attribute)) }] : []
  return [...own, ...(node.children ?? []).flatMap(elementsOf)]
}

function attribute(prop) {
  if (prop.type === PLAIN) return [[prop.name, prop.value?.content ?? '']]
  return prop.type === BOUND && prop.name === 'bind' && prop.arg ? [[`:${prop.arg.content}`, prop.exp?.content ?? '']] : []
}

/** Where a source makes markup of text, or a field out of nothing. */
export function makersOf(files) {
  return files.flatMap(({ name, text }) =>
    text.split('\n').flatMap((line, at) => (MAKERS.test(line) || /(createElement|\bh)\('(input|textarea)'/.test(line) ? [`${name}:${at + 1} ${line.trim()}`] : [])),
  )
}

/** Writes a text into a field, as long as people can make it, and sees that it stays text. */
export async function write(scope, name, text) {
  const page = scope.page?.() ?? scope
  const field = scope.locator(`[data-testid="${name}"], [id="${name}"]`)
  const most = await field.getAttribute('maxlength')
  assert.ok(most === null || text.length <= Number(most), `${name} takes ${most} characters`)
  // On a busy machine a keystroke is lost now and then.
  await until(async () => {
    await field.fill(text)
    return (await field.inputValue()) === text
  }, `${name} does not hold what was written`)
  note(name, text)
  await assertOnlyText(page, name)
}

/** Hands a file over whose name holds payloads. */
export async function hand(scope, name, file) {
  const page = scope.page?.() ?? scope
  await scope.locator(`[data-testid="${name}"]`).setInputFiles(file)
  note(name, file.name)
  await assertOnlyText(page, name)
}

function note(name, text) {
  const known = written.get(name) ?? new Set()
  for (const payload of PAYLOADS) if (text.includes(payload)) known.add(payload)
  written.set(name, known)
}

/** Every field into which something was not written that fits, and every name that two fields have. */
export function unwritten(fields) {
  const left = fields.flatMap(({ file, name, most }) => {
    const missing = fitting(most).filter(payload => !written.get(name)?.has(payload))
    return missing.length > 0 ? [`${file} ${name}: ${missing.length} payloads, such as ${missing[0]}`] : []
  })
  const twice = fields.filter(({ name }, at) => fields.findIndex(other => other.name === name) !== at)
  return [...left, ...twice.map(({ file, name }) => `${file} ${name}: another field has this name`)]
}
