// Whether this visitor may be recorded. Asked before anything is stored or sent.

import { options } from './config.js'
import { read, readObject } from './store.js'

const asked = options.consent
const CATEGORY = asked && asked !== 'required' ? asked : 'analytics'

let isForgotten = false

/** Has nothing more recorded until the next page. */
export const forget = () => {
  isForgotten = true
}

/** Says whether the browser's signals (Global Privacy Control, Do Not Track), the visitor's opt-out and the consent
 * given allow recording. */
export const isAllowed = () =>
  !isForgotten &&
  !(options.signals !== 'ignore' && (navigator.globalPrivacyControl || +navigator.doNotTrack === 1)) &&
  !read('optOut') &&
  (readObject('consent')[CATEGORY] ?? asked == null)
