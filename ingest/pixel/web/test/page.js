// The least of a page that the modules look at when they are loaded.

globalThis.document = { querySelectorAll: () => [], referrer: '' }
globalThis.window = globalThis
globalThis.location = { href: 'https://shop.example/' }
