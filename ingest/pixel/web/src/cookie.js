// The collector's own cookie, which outlives what browsers let scripts keep. Only a collector on the site's own domain
// gets one: the browser refuses it elsewhere, and the collector then answers without an id.

import { at, key } from './config.js'
import { remove, write } from './store.js'
import { proposedId } from './visitor.js'

/** Stand for `asked`, the time of the collector's last answer: it has still to hear of a change, or to answer at all. */
export const UNTOLD = 1
const UNANSWERED = 2

/** Asks the collector to "keep" the id it knows or else the proposed one, to "set" the proposed one, or else to forget.
 * Returns the id that it answers with. A change is told again by later pages until the collector has answered: whoever is
 * somebody else from now on must not be known by the cookie once the network is back. */
export const tellCookie = async (how) => {
  write('asked', how === 'keep' ? UNANSWERED : UNTOLD)
  try {
    const answer = await fetch(at('pixel/id'), {
      method: 'POST',
      body: JSON.stringify({ writeKey: key, anonymousId: proposedId(), how }),
      credentials: 'include',
      keepalive: true
    })
    const { anonymousId: id } = await answer.json()
    if (id !== undefined) how ? write('asked', Date.now()) : remove('asked')
    return id
  } catch {} // it is asked again at the next page
}
