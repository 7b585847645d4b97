// The script for web pages: <script async src="https://HOST/pixel.js" data-key="WRITE_KEY"></script>; see docs/pixel.md.

import { attempt, hear, hold, on, release } from './calls.js'
import { forget, isAllowed } from './choice.js'
import { isCookieless, key, options } from './config.js'
import { tellCookie, UNTOLD } from './cookie.js'
import { listen } from './datalayer.js'
import { watchForms } from './forms.js'
import { arrive, watchLinks } from './links.js'
import { messageOf, shapes } from './message.js'
import { add, comeBack, flush, leave, reconnect } from './queue.js'
import { CHOICES, names, read, readObject, remove, write, writeObject } from './store.js'
import { close, open, referrer, watchViews } from './views.js'
import { proposedId, renew } from './visitor.js'

const DAY_MS = 86400000
const ID_MS = 1000 // so long the first events wait for the id that the collector may know

let passedId

/** Goes by this id from now on; what went by another is joined to it. */
const adopt = (id) => {
  const known = read('anon')
  if (id && id !== known) {
    write('anon', id)
    if (known) run(['alias', undefined, known])
  }
}

/** Removes all that this script keeps on the device, but for what the visitor has decided. */
const wipe = () => {
  close() // what came of the view is nobody's business any more
  names().map((name) => CHOICES.test(name) || remove(name))
  if (read('asked')) tellCookie()
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

const run = (call) => {
  const [name, given] = call
  const could = isAllowed()
  call.href ||= location.href
  if (could && name === 'page') open(call.href)
  if (shapes[name]) {
    if (could) attempt(() => add(messageOf(call, referrer)))
  } else if (decisions[name]) {
    decisions[name](given)
    if (!isAllowed()) wipe()
    else if (!could) {
      renew()
      call[0] = 'page'
      call[1] = {}
      hold([call])
      start()
    }
  } else console.error('ciq', name)
}

const begin = () => release(run)

/** Finds out who it is, then begins. The collector is asked at the first visit, once a day to make its cookie last, and
 * when it has to hear of a change. Where nothing may be recorded it begins at once: decisions must be heard. */
const start = () => {
  if (isAllowed()) {
    const news = passedId
    adopt(news)
    passedId = 0
    const isDue = news || !(Date.now() - read('asked') < DAY_MS)
    if (isDue && !isCookieless && options.cookie !== 'off') {
      const proposed = proposedId()
      tellCookie(news || read('asked') <= UNTOLD ? 'set' : 'keep').then((id) => {
        if (isAllowed() && proposed === proposedId()) adopt(id)
        else tellCookie(isAllowed() && 'set') // the visitor has become somebody else meanwhile
        begin()
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
  on('pagehide', () => {
    leaving()
    leave()
  })
  on('visibilitychange', () => {
    if (document.hidden) {
      leaving()
      flush()
    }
  })
  on('pageshow', ({ persisted }) => {
    if (persisted) {
      comeBack()
      hear('page')
    }
  })
  on('online', reconnect)
  start()
}

const early = window.ciq
if (key && !early?.version) {
  const calls = early?.q || []
  // The stub counts the view of this page as its first call, so that it has one id whoever sends it.
  hold(calls[0]?.id ? calls : [['page'], ...calls])
  hear.version = 2
  window.ciq = hear
  if (document.prerendering) document.addEventListener('prerenderingchange', boot)
  else boot()
}
