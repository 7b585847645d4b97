// What the page and this script call: held back until it is known who it is, then run in order.

export const on = (names, listener) => {
  for (const name of names.split(' ')) addEventListener(name, listener, true)
}
let waiting = []
let run

const handle = (call) => (run ? run(call) : waiting.push(call))

export const hear = (...call) => {
  call.href = location.href // which a single-page app may change before the call is run
  handle(call)
}
export const track = (...rest) => hear('track', ...rest)

/** Holds calls back from now on, these first. */
export const hold = (calls) => {
  waiting = calls
  run = undefined
}

/** Runs what waits, and each call from now on at once. */
export const release = (runner) => {
  run = runner
  waiting.splice(0).forEach(handle)
}

/** Does what must not take anything else down with it. */
export const attempt = (work) => {
  try {
    work()
  } catch (error) {
    console.error('ciq', error)
  }
}
