// The script tag: where the collector is, and what the site wants.

const tag = document.currentScript
export const options = tag ? tag.dataset : {}
export const key = options.key
export const isCookieless = 'cookieless' in options

/** Returns an address of the collector, which is wherever the script came from. */
export const at = (path) => new URL(path, tag.src)
