// Page views, also of single-page apps and of pages that come back, and what came of each: time and depth.

import { hear, on, track } from './calls.js'

let since = 0
let engagedMs = 0
let depth = 0
let isOpen = false
let shown
export let referrer = document.referrer

// The address, without its fragment unless the site keeps its places there.
const placeOf = (href) => href.split(/#(?![!/])|[?&]_ciq=/)[0]

const measure = () => {
  depth = Math.max(depth, scrollY + innerHeight)
}

/** Counts the time in which the page has the focus, which it has only while it is seen. */
const tick = () => {
  const now = Date.now()
  if (since) engagedMs += now - since
  since = document.hasFocus() ? now : 0
}

/** A view begins, and the one before it is over. */
export const open = (href) => {
  close()
  shown = placeOf(href)
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
      path: new URL(shown).pathname,
      engaged_ms: engagedMs,
      scroll_percent: Math.min(100, ((100 * depth) / document.documentElement.scrollHeight + 0.5) | 0)
    })
  }
}

/** Notices when the page shows another place. */
export const watchViews = () => {
  shown = placeOf(location.href)
  const moved = () =>
    setTimeout(() => {
      const here = placeOf(location.href)
      if (here !== shown) {
        close()
        referrer = shown
        shown = here
        hear('page')
      }
    })
  for (const name of ['pushState', 'replaceState']) {
    const original = history[name]
    history[name] = function (...rest) {
      original.apply(this, rest)
      moved()
    }
  }
  on('popstate', moved)
  on('scroll', measure)
  on('focus blur visibilitychange', tick)
}
