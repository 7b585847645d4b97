// Forms that the site has marked: <form data-ciq-form="name">. Never what is secret, by its kind, its name or its look.

const MAX_CHARS = 256
// Looked for in type, autocomplete, name and id.
const SECRET =
  /hidden|\bfile\b|submit|button|pass|pwd|pin\b|secret|token|one-t|otp|card|cc|cv[cv]|iban|account|ssn|social/i
const LONG_NUMBER = /^[^+]*(\d[ .-]?){13}/ // a card's; a phone number as long has its plus

/** Returns the properties of a submitted form. */
export const answersOf = (form) => {
  const properties = { form_id: form.dataset.ciqForm || form.id, fields: {} }
  for (const field of form.elements) {
    const { name, type, id, checked } = field
    const value = (field.value || '').trim().slice(0, MAX_CHARS)
    if (
      name &&
      value &&
      !SECRET.test([type, field.getAttribute('autocomplete'), name, id]) &&
      !LONG_NUMBER.test(value) &&
      !field.closest('[data-ciq-ignore]') &&
      (checked || !/radio|checkbox/.test(type))
    ) {
      properties.fields[name] = value
      if (type === 'email') properties.email = value
      if (type === 'tel') properties.phone = value
    }
  }
  return properties
}
