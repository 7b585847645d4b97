import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.js'

const { hold, release } = await import('../src/calls.js')
const { listen } = await import('../src/datalayer.js')

const heard = []
hold([])
release((call) => heard.push([...call]))

test('what was pushed before and what is pushed later are heard, and passed on', () => {
  const theirs = []
  window.layer = [{ event: 'purchase', ecommerce: { value: 1 } }]
  window.layer.push = (...entries) => theirs.push(...entries)
  listen('layer')
  window.layer.push({ event: 'sign_up', method: 'mail' }, { event: 'gtm.js' })
  assert.deepEqual(heard, [
    ['track', 'purchase', { value: 1 }],
    ['track', 'sign_up', { method: 'mail' }]
  ])
  assert.equal(theirs.length, 2)
})
