// What is remembered: in localStorage where it may be used, else in memory, for this page only.

import { isCookieless } from './config.js'

const PREFIX = 'ciq_'
const memory = {} // only what the disk did not take

const disk = (work) => {
  try {
    return work(localStorage)
  } catch {}
}

/** Names what is kept on the device even where nothing else is: the visitor's decisions, and that the collector has
 * still to hear of one. */
export const CHOICES = /^(optOut|consent|asked)$/

export const read = (name) => memory[name] ?? disk((storage) => storage[PREFIX + name])

export const remove = (name) => {
  delete memory[name]
  disk((storage) => delete storage[PREFIX + name])
}

export const write = (name, value) => {
  memory[name] = value
  if (!isCookieless || CHOICES.test(name))
    disk((storage) => {
      storage[PREFIX + name] = value
      delete memory[name]
    })
}

/** Returns all names in use. */
export const names = () =>
  (disk(Object.keys) || []).flatMap((name) => name.split(/^ciq_/)[1] || []).concat(Object.keys(memory))

/** Returns the object kept under a name, an empty one when there is none. */
export const readObject = (name) => {
  try {
    return JSON.parse(read(name)) || {}
  } catch {
    return {}
  }
}

export const writeObject = (name, value) => write(name, JSON.stringify(value))

export const random = () => crypto.getRandomValues(new Uint32Array(4)).join('')
