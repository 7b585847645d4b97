// Who visits, and in which session: random ids, no fingerprint.

import { isCookieless } from './config.js'
import { random, read, readObject, remove, write, writeObject } from './store.js'

const SESSION_MS = 30 * 60 * 1000
const MAX_TAG_CHARS = 256
let candidate = random()

/** Returns the id to propose to the collector, without keeping it. */
export const proposedId = () => read('anon') || candidate

export const anonymousId = () => {
  if (isCookieless) return // the collector makes one for the day
  write('anon', proposedId())
  return proposedId()
}

/** Forgets who it was; the next visitor of this browser is somebody else. */
export const renew = () => {
  ;['user', 'anon', 'session'].map(remove)
  candidate = random()
}

/** Returns the session: a new one after 30 minutes of silence or when another campaign has brought the visitor. */
export const session = (href) => {
  if (isCookieless) return {}
  const at = Date.now()
  const campaign = {}
  for (const [name, value] of new URL(href).searchParams) {
    const tag = name.split(/^utm_/)[1]
    if (tag) campaign[tag] = value.slice(0, MAX_TAG_CHARS)
  }
  const told = JSON.stringify(campaign)
  let known = readObject('session')
  const isOther = told !== '{}' && told !== JSON.stringify(known.campaign)
  if (isOther || !(at - known.at < SESSION_MS)) known = { id: random(), campaign }
  writeObject('session', { ...known, at })
  return known
}
