import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.js'

const { answersOf } = await import('../src/forms.js')

const field = (
  name,
  value,
  { type = 'text', autocomplete = null, id = '', checked = false, isIgnored = false } = {}
) => ({
  name,
  value,
  type,
  id,
  checked,
  getAttribute: () => autocomplete,
  closest: () => (isIgnored ? {} : null)
})
const fieldsOf = (...elements) => answersOf({ dataset: { ciqForm: 'f' }, id: '', elements }).fields

test('answers are told by their names', () => {
  assert.deepEqual(fieldsOf(field('company', ' Tea & Co '), field('size', '10', { type: 'select-one' })), {
    company: 'Tea & Co',
    size: '10'
  })
})

for (const [name, details] of [
  ['password', { type: 'password' }],
  ['user_pwd', {}],
  ['state', { type: 'hidden' }],
  ['cv', { type: 'file' }],
  ['number', { autocomplete: 'billing cc-number' }],
  ['CardNo', {}],
  ['cvv2', {}],
  ['smsCode', { autocomplete: 'one-time-code' }],
  ['pin', {}],
  ['IBAN', {}],
  ['x', { id: 'credit-card' }],
  ['salary', { isIgnored: true }],
  ['unchecked', { type: 'checkbox' }],
  ['', {}]
])
  test(`${name} (${JSON.stringify(details)}) is no answer`, () => {
    assert.deepEqual(fieldsOf(field(name, 'secret', details)), {})
  })

for (const value of [
  '4111111111111111',
  '4111 1111 1111 1111',
  '4111-1111-1111-1111',
  'it is 3782.822463.10005.'
])
  test(`${value} looks like a card`, () => {
    assert.deepEqual(fieldsOf(field('note', value)), {})
  })

for (const value of ['+49 1512 3456789', '12345', '2026-11-21 18:00', 'shipping to 12 High St'])
  test(`${value} does not`, () => {
    assert.deepEqual(fieldsOf(field('note', value)), { note: value })
  })

test('who wrote is known by address and number', () => {
  const form = {
    dataset: { ciqForm: '' },
    id: 'contact',
    elements: [field('mail', 'ada@example.com', { type: 'email' }), field('tel', '+4912345', { type: 'tel' })]
  }
  const { form_id, email, phone } = answersOf(form)
  assert.deepEqual([form_id, email, phone], ['contact', 'ada@example.com', '+4912345'])
})
