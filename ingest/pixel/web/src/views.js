// Page views, also of single-page apps and of pages that come back, and what came of each: time and depth.

import { hear, track } from './calls.js'

let since = 0
let engagedMs = 0
let depth = 0
let isOpen = false
let shown
export let referrer = document.referrer
let address = location.href

const place = () => location.pathname + location.search

const measure = () => {
  depth = Math.max(depth, scrollY + innerHeight)
}

/** Counts the time in which the page is seen and has the focus. */
const tick = () => {
  const now = Date.now()
  if (since) engagedMs += now - since
  since = !document.hidden && document.hasFocus() ? now : 0
}

/** A view begins. */
export const open = () => {
  shown = place()
  since = engagedMs = depth = 0
  isOpen = true
  tick()
}

/** A view is over: tells once what came of it. */
export const close = () => {
  if (isOpen) {
    isOpen = false
    tick()
    measure()
    track('Page Engaged', {
      path: shown.split('?')[0],
      engaged_ms: engagedMs,
      scroll_percent: Math.min(100, Math.round((100 * depth) / document.documentElement.scrollHeight))
    })
  }
}

/** Notices when the page shows another place. */
export const watchViews = () => {
  const moved = () =>
    setTimeout(() => {
      if (place() !== shown) {
        close()
        referrer = address
        hear('page')
      }
      address = location.href
    })
  for (const name of ['pushState', 'replaceState']) {
    const original = history[name]
    history[name] = function (...rest) {
      original.apply(this, rest)
      moved()
    }
  }
  addEventListener('popstate', moved)
  addEventListener('scroll', measure)
  for (const name of ['focus', 'blur', 'visibilitychange']) addEventListener(name, tick)
}
