// The script for web pages: <script async src="https://HOST/pixel.js" data-key="WRITE_KEY"></script>; see docs/pixel.md.

import { attempt, hear, hold, release } from './calls.js'
import { forget, isAllowed } from './choice.js'
import { isCookieless, key, options } from './config.js'
import { isDue, noteAsked, tellCookie } from './cookie.js'
import { listen } from './datalayer.js'
import { watchForms } from './forms.js'
import { arrive, watchLinks } from './links.js'
import { messageOf, shapes } from './message.js'
import { add, comeBack, flush, leave, reconnect } from './queue.js'
import { isChoice, names, read, readObject, remove, write, writeObject } from './store.js'
import { close, open, referrer, watchViews } from './views.js'
import { proposedId, renew } from './visitor.js'

const ID_MS = 1000 // so long the first events wait for the id that the collector may know

let passedId

const say = (call) => {
  if (isAllowed()) attempt(() => add(messageOf(call, referrer)))
}

/** Goes by this id from now on; what went by another is joined to it. */
const adopt = (id) => {
  const known = read('anon')
  if (!id || id === known) return
  write('anon', id)
  if (known) run(['alias', undefined, known])
}

/** Removes all that this script keeps on the device, but for what the visitor has decided. */
const wipe = () => {
  close() // what came of the view is nobody's business any more
  const hasCookie = read('asked')
  for (const name of names()) if (!isChoice(name)) remove(name)
  renew()
  passedId = hasCookie ? proposedId() : passedId // who opts in again sets the cookie, be it not gone by then
  if (hasCookie) tellCookie()
}

const decisions = {
  consent: (given) => writeObject('consent', { ...readObject('consent'), ...given }),
  optOut: () => write('optOut', 1),
  optIn: () => remove('optOut'),
  forget: () => {
    forget()
    remove('consent')
  },
  reset: () => {
    renew()
    if (read('asked')) tellCookie('set')
  }
}

/** Makes a decision and does what follows from it. */
const decide = (call, given) => {
  const could = isAllowed()
  decisions[call[0]](given)
  if (!isAllowed()) wipe()
  else if (!could) {
    call[0] = 'page'
    call[1] = {}
    hold([call])
    start()
  }
}

const run = (call) => {
  const [name, given] = call
  call.href ||= location.href
  if (name === 'page' && isAllowed()) open(call.href)
  if (shapes[name]) say(call)
  else if (decisions[name]) decide(call, given)
  else console.error('ciq', name)
}

const begin = () => release(run)

/** Finds out who it is, then begins. Where nothing may be recorded it begins at once: decisions must be heard. */
const start = () => {
  if (isAllowed()) {
    adopt(passedId)
    if (isDue(passedId)) {
      tellCookie(passedId ? 'set' : 'keep').then(({ anonymousId: id }) => {
        if (isAllowed()) {
          if (id !== undefined) noteAsked()
          adopt(id)
          begin()
        } else tellCookie()
      })
      if (!read('anon')) return setTimeout(begin, ID_MS)
    }
  }
  begin()
}

const leaving = () => {
  begin()
  close()
}

const boot = () => {
  if (read('forget') || isCookieless || !isAllowed()) wipe()
  attempt(() => {
    passedId = arrive()
    watchViews()
    watchLinks()
    watchForms()
    const layer = options.layer ?? 'dataLayer'
    if (layer) listen(layer)
  })
  addEventListener('pagehide', () => {
    leaving()
    leave()
  })
  addEventListener('visibilitychange', () => {
    if (document.hidden) {
      leaving()
      flush()
    }
  })
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) {
      comeBack()
      hear('page')
    }
  })
  addEventListener('online', reconnect)
  start()
}

const early = window.ciq
if (key && !early?.version) {
  const calls = early?.q || []
  // The stub counts the view of this page as its first call, so that it has one id whoever sends it.
  if (!calls[0]?.id) calls.unshift(['page'])
  hold(calls)
  hear.version = '2'
  window.ciq = hear
  if (document.prerendering) document.addEventListener('prerenderingchange', boot)
  else boot()
}
