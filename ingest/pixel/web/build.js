// Makes ../dist/pixel.js and ../dist/stub.js: bundled, minified, and refused when they outgrow their budgets.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { minify } from 'terser'

const BUDGETS = { stub: 1024, pixel: 4096 } // bytes after gzip -9
const DIST = new URL('../dist/', import.meta.url)
const TARGET = 'es2020'

async function bundled(name) {
  const entryPoints = [fileURLToPath(new URL(`src/${name}.js`, import.meta.url))]
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    write: false,
    format: 'iife',
    target: TARGET,
    minifySyntax: true
  })
  return outputFiles[0].text
}

async function minified(script) {
  const { code } = await minify(script, {
    ecma: 2020,
    compress: {
      passes: 4,
      unsafe_arrows: true,
      unsafe: true,
      pure_getters: true,
      inline: 1,
      collapse_vars: false,
      booleans_as_integers: true
    },
    format: { comments: false }
  })
  return code
}

mkdirSync(DIST, { recursive: true })
const made = {}
for (const [name, budget] of Object.entries(BUDGETS)) {
  const code = await minified(await bundled(name))
  made[name] = code
  const bytes = gzipSync(code, { level: 9 }).length
  console.log(`${name}.js: ${bytes} of ${budget} bytes (gzip -9), ${code.length} plain`)
  if (bytes > budget) {
    console.error(
      `${name}.js is ${bytes - budget} bytes over its budget: make it smaller, don't raise the budget`
    )
    process.exitCode = 1
  }
}
if (!process.exitCode) {
  for (const [name, code] of Object.entries(made)) {
    const file = new URL(`${name}.js`, DIST)
    writeFileSync(new URL(`${name}.js.new`, DIST), code)
    renameSync(new URL(`${name}.js.new`, DIST), file) // a server that starts meanwhile reads the old one or the new
  }
}
