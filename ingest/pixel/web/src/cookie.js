// The collector's own cookie, which outlives what browsers let scripts keep. Only a collector on the site's own domain
// gets one: the browser refuses it elsewhere, and the collector then answers without an id.

import { at, isCookieless, key, options } from './config.js'
import { read, write } from './store.js'
import { proposedId } from './visitor.js'

const DAY_MS = 86400000

/** Asks the collector to "keep" the id it knows or else the proposed one, to "set" the proposed one, or else to forget. */
export const tellCookie = (how) =>
  fetch(at('pixel/id'), {
    method: 'POST',
    body: JSON.stringify({ writeKey: key, anonymousId: proposedId(), how }),
    credentials: 'include',
    keepalive: true
  })
    .then((answer) => answer.json())
    .catch(() => ({})) // it is asked again at the next page

/** Says whether it is time to ask for the id: at the first visit, once a day to make the cookie last, and for news. */
export const isDue = (isNews) =>
  !isCookieless && options.cookie !== 'off' && (isNews || !(Date.now() - read('asked') < DAY_MS))

export const noteAsked = () => write('asked', Date.now())
