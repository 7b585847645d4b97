// E-commerce events that the site already tells Google: gtag('event', name, ...) and dataLayer.push({event, ecommerce}).
// The collector knows Google's names and spellings; what is not e-commerce or a conversion stays Google's.

import { attempt, track } from './calls.js'
import { SECRET } from './secret.js'

const NAMES =
  /^(purchase|refund|search|login|sign_up|generate_lead|\w+_(item(_list)?|cart|wishlist|checkout|promotion)|add_\w+_info)$/

const withoutSecrets = (told) =>
  JSON.parse(JSON.stringify(told, (key, value) => (SECRET.test(key) ? undefined : value)))

/** Hears what is pushed to the page's data layer, and what has been. Raises where something else has that name. */
export const listen = (name) => {
  window[name] ||= []
  const layer = window[name]
  const { push } = layer
  const hear = (entry) =>
    attempt(() => {
      const isCall = entry?.[0] === 'event'
      const { event, ecommerce, ...rest } = isCall ? { ...entry[2], event: entry[1] } : entry || {}
      if (NAMES.test(event)) track(event, withoutSecrets(ecommerce || rest))
    })
  layer.forEach(hear)
  layer.push = (...entries) => {
    entries.forEach(hear)
    return push.apply(layer, entries)
  }
}
