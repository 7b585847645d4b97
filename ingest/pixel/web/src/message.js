// A call becomes a Segment message. stub.js says the same in fewer words.

import { isCookieless } from './config.js'
import { random, read, readObject, write } from './store.js'
import { anonymousId, session } from './visitor.js'

/** What each kind of call says. */
export const shapes = {
  page: (properties) => ({ properties }),
  track: (event, properties) => ({ event, properties }),
  identify: (userId, traits) => (Object(userId) === userId ? { traits: userId } : { userId, traits }),
  group: (groupId, traits) => ({ groupId, traits }),
  alias: (userId, previousId = anonymousId()) => ({ userId, previousId })
}

/** Returns the message that a call stands for; it counts as said from now on. */
export const messageOf = (call, referrer) => {
  const [type, a, b] = call
  const fields = shapes[type](a, b)
  if (fields.userId) write('user', fields.userId)
  const at = call.when || Date.now()
  const sequence = 1 + (read('seq') | 0)
  write('seq', sequence)
  const { id, campaign } = session(call.href)
  const consent = readObject('consent')
  return {
    type,
    // Sorts by time: 10 characters of it (until 2085), then chance.
    messageId: call.id || (at * 1000 + (sequence % 1000)).toString(36) + random(),
    timestamp: new Date(at),
    anonymousId: anonymousId(),
    userId: read('user'),
    ...fields,
    context: {
      page: { url: call.href.split(/[?&]_ciq=/)[0], title: document.title, referrer },
      campaign,
      sessionId: id,
      sequence: isCookieless ? undefined : sequence,
      cookieless: isCookieless,
      consent: Object.keys(consent)[0] && { categoryPreferences: consent },
      webdriver: navigator.webdriver
    }
  }
}
