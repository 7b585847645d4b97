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

test('what Google is told of a person, and secrets, are left out', () => {
  heard.length = 0
  window.layer.push(
    [
      'event',
      'purchase',
      { value: 5, currency: 'EUR', cart_id: 'c1', user_data: { email: 'a@b.io' }, items: [{ item_id: 'm' }] }
    ],
    { event: 'login', method: 'mail', password: 'p', more: { secret: 's', shipping: 1 } }
  )
  assert.deepEqual(heard, [
    ['track', 'purchase', { value: 5, currency: 'EUR', cart_id: 'c1', items: [{ item_id: 'm' }] }],
    ['track', 'login', { method: 'mail', more: { shipping: 1 } }]
  ])
})

test('what cannot be read is passed on all the same', (context) => {
  const told = context.mock.method(console, 'error', () => {})
  const loop = {}
  loop.self = loop
  const before = window.layer.length
  window.layer.push({ event: 'purchase', ecommerce: loop })
  assert.equal(told.mock.callCount(), 1)
  assert.equal(window.layer.length, before)
})

test('what is no list is left alone', () => {
  const push = () => 7
  window.element = { push }
  assert.throws(() => listen('element'))
  assert.equal(window.element.push, push)
})
