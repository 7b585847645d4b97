/* CampaignIQ pixel. Sends to the host it was loaded from:
   <script async src="https://HOST/pixel.js" data-key="WRITE_KEY"></script>
   ciq('track', name, properties) · ciq('identify', userId | traits, traits) · ciq('page', properties) · ciq('reset') */
(() => {
  'use strict'
  const script = document.currentScript || document.querySelector('script[data-key][src*="pixel.js"]')
  const early = window.ciq
  if (!script || (early && early.version)) return
  const key = script.dataset.key
  if (!key) return console.warn('ciq: the script tag has no data-key')

  const VERSION = '1'
  const ENDPOINT = new URL('v1/batch', script.src).href
  const GATHER_MS = 300
  const BATCH_EVENTS = 20
  const BATCH_CHARS = 16000 // UTF-8 needs at most 3 bytes a char: below the 64 KB that may outlive a page
  const KEPT_EVENTS = 300
  const RETRY_MS = 1000
  const RETRY_MAX_MS = 60000
  const SESSION_MS = 30 * 60 * 1000
  const YEAR_S = 31536000
  const TAGS = ['source', 'medium', 'campaign', 'term', 'content']

  // --- memory: localStorage where it may be used, else this page only
  const kept = {}
  const read = (name) => {
    try {
      return localStorage.getItem('ciq_' + name) || kept[name] || ''
    } catch {
      return kept[name] || ''
    }
  }
  const write = (name, value) => {
    kept[name] = value
    try {
      if (value) localStorage.setItem('ciq_' + name, value)
      else localStorage.removeItem('ciq_' + name)
    } catch {}
  }
  const readCookie = () => {
    try {
      return (/(?:^|; )_ciq=([\w-]{1,64})/.exec(document.cookie) || [])[1]
    } catch {}
  }
  const uuid = () => {
    if (crypto.randomUUID) return crypto.randomUUID() // only where the page is https or localhost
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
  }
  const anonymousId = () => {
    const id = readCookie() || read('anon') || uuid()
    if (read('anon') !== id) write('anon', id)
    return id
  }
  const keepCookie = (id) => {
    const secure = location.protocol === 'https:' ? '; secure' : ''
    try {
      document.cookie = `_ciq=${id}; max-age=${id ? YEAR_S : 0}; path=/; samesite=lax${secure}`
    } catch {}
  }

  // --- session: ends after 30 minutes of silence, remembers the campaign that began it
  const session = () => {
    const now = Date.now()
    let current = {}
    try {
      current = JSON.parse(read('session')) || {}
    } catch {}
    if (!current.id || now - current.at > SESSION_MS) current = { id: uuid() }
    const query = new URLSearchParams(location.search)
    const found = {}
    for (const tag of TAGS) {
      const value = query.get('utm_' + tag)
      if (value) found[tag === 'campaign' ? 'name' : tag] = value.slice(0, 256)
    }
    if (Object.keys(found).length) current.campaign = found
    current.at = now
    write('session', JSON.stringify(current))
    return current
  }

  // --- sending: a few events at a time; kept and tried again until the server has answered
  let queue = []
  let timer = 0
  let busy = false
  let failures = 0

  const take = () => {
    let chars = 0
    let count = 0
    while (count < queue.length && count < BATCH_EVENTS && (!count || chars + queue[count].length <= BATCH_CHARS)) {
      chars += queue[count++].length
    }
    return queue.splice(0, count)
  }
  const body = (messages) =>
    `{"writeKey":${JSON.stringify(key)},"sentAt":"${new Date().toISOString()}","batch":[${messages.join(',')}]}`
  const later = (ms) => {
    if (!timer) timer = setTimeout(flush, ms)
  }
  const flush = async () => {
    clearTimeout(timer)
    timer = 0
    if (busy || !queue.length) return
    const sending = take()
    const text = body(sending)
    let wait = 0
    busy = true
    try {
      const answer = await fetch(ENDPOINT, {
        method: 'POST',
        body: text, // a string goes as text/plain, which needs no preflight
        credentials: 'omit',
        keepalive: text.length <= BATCH_CHARS + 4000
      })
      // What the server calls wrong stays wrong; what it can't take now it is offered again.
      if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
        wait = 1000 * answer.headers.get('Retry-After') || RETRY_MS
      }
    } catch {
      wait = RETRY_MS
    }
    busy = false
    if (wait) {
      queue = sending.concat(queue).slice(-KEPT_EVENTS)
      later(Math.min(RETRY_MAX_MS, wait * 2 ** failures++))
    } else {
      failures = 0
      if (queue.length) flush()
    }
  }
  const leave = () => {
    while (queue.length) {
      const sending = take()
      if (!navigator.sendBeacon(ENDPOINT, new Blob([body(sending)], { type: 'text/plain' }))) {
        queue = sending.concat(queue) // over the browser's budget: goes when the page lives on
        return later(RETRY_MS)
      }
    }
  }

  // --- messages
  let shown = ''
  let referrer = document.referrer

  const send = (type, fields) => {
    const { id, campaign } = session()
    const message = {
      type,
      messageId: uuid(),
      timestamp: new Date().toISOString(),
      anonymousId: anonymousId(),
      userId: read('user') || undefined,
      ...fields,
      context: {
        page: { path: location.pathname, url: location.href, title: document.title, referrer },
        campaign,
        sessionId: id,
        library: { name: 'campaigniq-pixel', version: VERSION }
      }
    }
    try {
      queue.push(JSON.stringify(message))
    } catch (error) {
      return console.error('ciq: not sent', error)
    }
    queue = queue.slice(-KEPT_EVENTS)
    if (queue.length >= BATCH_EVENTS && !failures) flush()
    else later(GATHER_MS)
  }
  const view = (properties) => {
    shown = location.pathname + location.search
    send('page', { properties: properties || {} })
  }
  const calls = {
    page: view,
    track: (event, properties) => event && send('track', { event: String(event), properties: properties || {} }),
    identify: (user, traits) => {
      if (user && typeof user === 'object') return send('identify', { traits: user })
      if (user) write('user', String(user))
      send('identify', { traits: traits || {} })
    },
    reset: () => {
      for (const name of ['user', 'anon', 'session']) write(name, '')
      keepCookie('')
      keepCookie(anonymousId())
    }
  }
  const ciq = (call, ...rest) => {
    if (calls[call]) calls[call](...rest)
    else console.warn('ciq: no such call', call)
  }
  ciq.version = VERSION
  window.ciq = ciq

  // --- page views: this one, those of a single-page app, and pages that come back from the browser's cache
  let address = location.href
  const moved = () =>
    setTimeout(() => {
      if (location.pathname + location.search !== shown) {
        referrer = address
        view()
      }
      address = location.href
    })
  const { pushState } = history
  history.pushState = function (...rest) {
    pushState.apply(this, rest)
    moved()
  }
  addEventListener('popstate', moved)
  addEventListener('pageshow', (event) => event.persisted && view())
  addEventListener('pagehide', leave)
  addEventListener('online', flush)
  document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && leave())

  keepCookie(anonymousId())
  const begin = () => {
    view()
    for (const call of (early && early.q) || []) ciq(...call)
  }
  if (document.prerendering) document.addEventListener('prerenderingchange', begin, { once: true })
  else begin()
})()
