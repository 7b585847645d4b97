// Stands in the page itself: keeps calls until the core is there, and lets none be lost if the visitor leaves before.
// It says what the core would say (message.js), and keeps it in the same entries of localStorage, in few bytes.

if (!window.ciq) {
  // Reads what is kept under a name, or keeps a value there; where storage is blocked there is nothing.
  const kept = (name, value) => {
    try {
      if (value) localStorage[`ciq_${name}`] = value
      return localStorage[`ciq_${name}`]
    } catch {}
  }
  const readObject = (name) => JSON.parse(kept(name) || '{}')
  const random = () => crypto.getRandomValues(new Uint32Array(4)).join('')

  const stub = (...call) => {
    if (window.ciq !== stub) return window.ciq(...call) // somebody has kept the stub
    call.when = Date.now()
    call.href = location.href
    call.id = (call.when * 1000 + stub.q.push(call)).toString(36) + random()
  }

  const leave = () => {
    const tag = document.querySelector('script[data-key][src*="pixel.js"]')
    if (window.ciq !== stub || !tag || document.prerendering) return
    const { key, consent: asked, cookieless, signals } = tag.dataset
    const consent = readObject('consent')
    const anonymousId = cookieless == null ? kept('anon') || random() : null
    const session = readObject('session')
    let userId = kept('user')
    let isOut =
      kept('optOut') ||
      (signals !== 'ignore' && (navigator.globalPrivacyControl || +navigator.doNotTrack === 1))
    let messages = []
    if (!(Date.now() - session.at < 18e5)) session.id = random()
    session.at = Date.now()

    for (const call of stub.q) {
      let [type, a, b] = call
      if (type === 'consent') {
        kept(type, JSON.stringify(Object.assign(consent, a)))
        ;[type, a] = messages[0] ? [] : ['page'] // what was called before is gone, the page is still there
      }
      if (type === 'optOut' || type === 'forget') isOut = kept(type, 1) || 1
      if (type === 'forget') kept('consent', '{}')
      if (isOut || !(consent[asked && asked !== 'required' ? asked : 'analytics'] ?? asked == null))
        messages = []
      else {
        const fields = {
          page: { properties: a },
          track: { event: a, properties: b },
          identify: Object(a) === a ? { traits: a } : { userId: a, traits: b },
          group: { groupId: a, traits: b },
          alias: { userId: a, previousId: b }
        }[type]
        if (fields) {
          userId = fields.userId || userId
          messages.push({
            type,
            messageId: call.id,
            timestamp: new Date(call.when),
            anonymousId,
            userId,
            ...fields,
            context: {
              page: { url: call.href, title: document.title, referrer: document.referrer },
              cookieless: !anonymousId,
              sessionId: anonymousId && session.id,
              consent: Object.keys(consent)[0] && { categoryPreferences: consent },
              webdriver: navigator.webdriver
            }
          })
        }
      }
    }
    const send = (some) =>
      navigator.sendBeacon(
        new URL('v1/batch', tag.src),
        JSON.stringify({ writeKey: key, sentAt: new Date(), batch: some })
      )
    if (messages[0]) {
      if (anonymousId) {
        kept('anon', anonymousId)
        kept('session', JSON.stringify(session))
        for (const message of messages) {
          const text = JSON.stringify(message)
          kept(`q${message.messageId}.${new Blob([text]).size}`, text)
        }
      }
      if (!send(messages)) for (const message of messages) send([message])
    }
  }

  window.ciq = stub
  stub.q = []
  stub('page')
  addEventListener('pagehide', leave)
}
