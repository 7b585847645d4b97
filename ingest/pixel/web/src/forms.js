// Forms that the site has marked: <form data-ciq-form="name">. Never what is secret, by its kind, its name or its look.

import { on, track } from './calls.js'
import { SECRET } from './secret.js'

const MAX_CHARS = 256
const KINDS = /^(te|se|em|ur|nu|da)/ // text, textarea, tel, search, select-…, email, url, number, date
const LONG_NUMBER = /(\d[\W_]*){13}/ // a card's, which no letter parts
const PHONE = /^\+(\d[\W_]*){3}/ // the beginning of a phone number, which may be that much longer

/** Returns the properties of a submitted form. Its inputs may be named like what a form has, as `elements` or `id`. */
export const answersOf = (form) => {
  const properties = { form_id: form.dataset.ciqForm || form.getAttribute('id'), fields: {} }
  for (const field of document.querySelectorAll('[name]')) {
    const { name, type } = field
    const value = (field.value || '').trim()
    if (
      field.form === form &&
      name &&
      value &&
      (KINDS.test(type) || field.matches(':checked')) &&
      !SECRET.test([field.getAttribute('autocomplete'), name, field.id]) &&
      !LONG_NUMBER.test(value.replace(PHONE, '')) &&
      !field.closest('[data-ciq-ignore]')
    ) {
      const answer = value.slice(0, MAX_CHARS)
      properties.fields[name] = answer
      if (type === 'email') properties.email = answer
      if (type === 'tel') properties.phone = answer
    }
  }
  return properties
}

/** Tells of marked forms when they are submitted. An input that was once a password's is secret though it be shown. */
export const watchForms = () => {
  const mark = () => {
    for (const field of document.querySelectorAll('[type=password]')) field.dataset.ciqIgnore = ''
  }
  on('load focusin click', mark)
  on(
    'submit',
    ({ target }) => target.matches('[data-ciq-form]') && track('Form Submitted', answersOf(target))
  )
}
