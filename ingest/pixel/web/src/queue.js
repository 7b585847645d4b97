// The queue: every message has an entry of its own, q<id>.<bytes>, so that tabs share it without overwriting each other.
// An entry goes when the collector has answered for it, or is the oldest of too many. Ids make resends harmless.

import { isAllowed } from './choice.js'
import { at, key } from './config.js'
import { names, read, readObject, remove, write } from './store.js'

const GATHER_MS = 256
const MOST_MESSAGES = 100
const BATCH_BYTES = 48000
const MOST_BYTES = 60000 // browsers give all that may outlive a page 64 KB together
const LEAST_BYTES = 1000
const KEPT_MESSAGES = 1000
const KEPT_BYTES = 1000000
const KEPT_MS = 7 * 86400000
const RETRY_MS = 1000
const RETRY_MAX_MS = 60000
const PATIENCE_MAX_MS = 3600000 // no Retry-After keeps us quiet for longer
const ANSWER_MS = 15000

const flying = new Set()
let timer // of the next try, negative during one
let failures = 0
let unseen = 0 // bytes that were added since the queue was last looked through

const sizeOf = (name) => +name.split('.')[1]

/** Returns the first of the entries that fit together, at least one; does something to all others. */
const fitting = (entries, bytes, count, leaveOut) =>
  entries.filter((name, index) => {
    bytes -= sizeOf(name) + 1
    return !index || (index < count && bytes >= 0) || leaveOut?.(name)
  })

/** Returns the entries that wait, the oldest first. Those that are too old or too many are gone, and all where the
 * visitor has decided against it, be it in another tab. This takes time for each of them: not at every call. */
const queued = () => {
  const isFine = isAllowed()
  const oldest = `q${((Date.now() - KEPT_MS) * 1000).toString(36)}`
  unseen = 0
  const newestFirst = names()
    .filter((name) => sizeOf(name) && !flying.has(name) && ((isFine && name > oldest) || remove(name)))
    .sort()
    .reverse()
  return fitting(newestFirst, KEPT_BYTES, KEPT_MESSAGES, remove).reverse()
}

const bodyOf = (entries) =>
  JSON.stringify({ writeKey: key, sentAt: new Date(), batch: entries.map(readObject) })

const later = (ms) => {
  timer ||= setTimeout(flush, ms)
}

/** Keeps a message until the collector has it. Raises where it is too large ever to be taken. */
export const add = (message) => {
  const text = JSON.stringify(message)
  const size = new TextEncoder().encode(text).length
  if (size > MOST_BYTES) throw 'too large'
  write(`q${message.messageId}.${size}`, text)
  if (!unseen) queueMicrotask(queued) // once for all calls of a task
  unseen += size
  if (unseen > KEPT_BYTES) queued() // no task may fill the disk
  later(GATHER_MS)
}

/** Sends what waits, unless the collector has asked for patience. */
export const flush = async () => {
  if (timer < 0) return
  clearTimeout(timer)
  let wait = read('wait') - Date.now()
  if (!(wait > 0) || wait > PATIENCE_MAX_MS) {
    timer = -1
    try {
      wait = await navigator.locks.request('ciq', send) // one tab at a time
    } catch {
      wait = await send() // no locks in this browser, or not on this page
    }
  }
  timer = 0
  if (wait || queued()[0]) later(wait)
}

/** Sends one batch; returns how long to wait after a failure. */
const send = async () => {
  const entries = fitting(queued(), BATCH_BYTES, MOST_MESSAGES)
  if (!entries[0]) return
  entries.forEach(flying.add, flying)
  let wait
  try {
    const answer = await fetch(at('v1/batch'), {
      method: 'POST',
      body: bodyOf(entries), // a string goes as text/plain, which needs no preflight
      credentials: 'omit',
      keepalive: !failures, // it may outlive the page, unless the site itself uses the 64 KB of that up
      signal: AbortSignal.timeout?.(ANSWER_MS)
    })
    await answer.text() // until then it takes its part of those 64 KB
    if (answer.ok || /400|413|415/.test(answer.status)) {
      entries.map(remove) // what the collector calls wrong stays wrong, and it has kept it
      failures = 0
    } else {
      const told = answer.headers.get('Retry-After')
      wait = Math.min(told * 1000 || Date.parse(told) - Date.now(), PATIENCE_MAX_MS)
      if (!(wait > 0)) throw 0
      write('wait', Date.now() + wait) // for all tabs and pages
    }
  } catch {
    wait = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** failures++) * (0.5 + Math.random() / 2)
  }
  flying.clear()
  return wait
}

/** Hands to the browser what is not under way, as the page goes. It stays kept: a beacon brings no answer back. */
export const leave = (bytes = MOST_BYTES) => {
  const some = fitting(queued(), bytes, MOST_MESSAGES)
  if (some[0] && bytes > LEAST_BYTES) {
    const isTaken = navigator.sendBeacon(at('v1/batch'), bodyOf(some))
    if (isTaken || !some[1]) some.forEach(flying.add, flying)
    leave(isTaken ? bytes : bytes / 2)
  }
}

/** The page is back from the browser's cache: what was handed over then is offered again. */
export const comeBack = () => flying.clear()

/** The network is back. */
export const reconnect = () => {
  failures = 0
  flush()
}
