import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.js'

const { answersOf } = await import('../src/forms.js')

const field = (
  name,
  value,
  { type = 'text', autocomplete = null, id = '', checked = false, isIgnored = false, form } = {}
) => ({
  name,
  value,
  type,
  id,
  checked,
  form,
  getAttribute: () => autocomplete,
  matches: () => checked,
  closest: () => (isIgnored ? {} : null)
})
const submitted = (ciqForm, id, elements) => {
  // What the form says of itself is not asked: it may have an input named `elements`.
  const form = { dataset: { ciqForm }, getAttribute: () => id, elements: {}, id: {} }
  document.querySelectorAll = () => elements.map((element) => ({ ...element, form: element.form ?? form }))
  return answersOf(form)
}
const fieldsOf = (...elements) => submitted('f', '', elements).fields

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
  ['security_code', {}],
  ['verification_value', {}],
  ['csc', {}],
  ['sicherheitscode', {}],
  ['pruefziffer', {}],
  ['pr\u00fcfziffer', {}],
  ['expiry', {}],
  ['exp_month', {}],
  ['exp-year', {}],
  ['login_pw', {}],
  ['kennwort', {}],
  ['senha', {}],
  ['contrase\u00f1a', {}],
  ['mdp', {}],
  ['parola', {}],
  ['kartennummer', {}],
  ['numero_carte', {}],
  ['numeroCartao', {}],
  ['smscode', {}],
  ['code', {}],
  ['customer[ssn]', {}],
  ['numero_tarjeta', {}],
  ['auth_code', {}],
  ['authCode', {}],
  ['otp', {}],
  ['cvc', {}],
  ['passwort', {}],
  ['mot_de_passe', {}],
  ['month', { type: 'month' }],
  ['go', { type: 'submit' }],
  ['elsewhere', { form: {} }],
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
  'it is 3782.822463.10005.',
  '4111 - 1111 - 1111 - 1111',
  '4111/1111/1111/1111',
  '4111  1111  1111  1111',
  '4111\u00a01111\u00a01111\u00a01111',
  '+4111111111111111',
  '+49 170 1234567, 3782 822463 10005',
  'call +49 170 1234567, card 4111 1111 1111 1111',
  `${'x'.repeat(250)} 4111111111111111`
])
  test(`${value} looks like a card`, () => {
    assert.deepEqual(fieldsOf(field('note', value)), {})
  })

for (const value of ['+49 1512 3456789', '12345', '2026-11-21 18:00', 'shipping to 12 High St'])
  test(`${value} does not`, () => {
    assert.deepEqual(fieldsOf(field('note', value)), { note: value })
  })

for (const name of [
  'company',
  'country_code',
  'postcode',
  'shipping',
  'cart_id',
  'cartTotal',
  'opinion',
  'experience',
  'code_postal'
])
  test(`${name} names no secret`, () => {
    assert.deepEqual(fieldsOf(field(name, 'x')), { [name]: 'x' })
  })

test('who wrote is known by address and number', () => {
  const { form_id, email, phone } = submitted('', 'contact', [
    field('mail', 'ada@example.com', { type: 'email' }),
    field('tel', '+4912345', { type: 'tel' })
  ])
  assert.deepEqual([form_id, email, phone], ['contact', 'ada@example.com', '+4912345'])
})
