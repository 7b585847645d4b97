// Clicks that lead away: to files, to other sites, and to the site's other domains, which are told who comes.

import { on, track } from './calls.js'
import { isAllowed } from './choice.js'
import { options } from './config.js'
import { anonymousId } from './visitor.js'

const FILE = /\.(pdf|docx?|xlsx?|pptx?|csv|zip|rar|7z|dmg|exe|apk|mp[34]|epub)$/i
const LINK_MS = 120000

const isOurs = (host) =>
  options.domains?.split(/[\s,]+/).some((domain) => domain && `.${host}`.endsWith(`.${domain}`))

/** Returns what only this browser would say of an id and a time: it ties the link to the browser that followed it. */
const sealOf = (text) =>
  [...(text + navigator.userAgent)].reduce((sum, char) => Math.imul(sum ^ char.codePointAt(), 65599) >>> 0, 7)

/** Tells of clicks, and tells the site's other domains who comes. */
export const watchLinks = () => {
  const clicked = ({ target, button }) => {
    const link = target.closest?.('a[href]')
    if (!/^http/.test(link?.origin) || button > 1) return
    const { href, origin, pathname, hostname } = link
    const url = origin + pathname
    const [, extension] = FILE.exec(pathname) || []
    const isAway = origin !== location.origin
    const isOther = isAway && !isOurs(hostname)
    const id = isAway && !isOther && isAllowed() && anonymousId()
    if (extension) track('File Downloaded', { url, extension })
    else if (isOther) track('Outbound Link Clicked', { url })
    if (id) {
      const told = `${id}.${Date.now().toString(36)}`
      link.search += `${link.search ? '&' : '?'}_ciq=${told}.${sealOf(told)}`
      setTimeout(() => {
        link.href = href // whoever copies the link later copies it bare
      })
    }
  }
  on('click auxclick', clicked)
}

/** Takes the id out of an address that one of the site's other domains has led to, and returns it if it is genuine. */
export const arrive = () => {
  const [whole, told, id, time, seal] = /[?&]_ciq=(([\w-]+)\.(\w+))\.(\w+)(?=#|$)/.exec(location.href) || []
  if (whole) history.replaceState(history.state, '', location.href.replace(whole, ''))
  const age = Date.now() - parseInt(time, 36)
  const isGenuine = age >= 0 && age < LINK_MS && +seal === sealOf(told)
  return isGenuine && isOurs(document.referrer.split(/[/:]+/)[1]) && id
}
