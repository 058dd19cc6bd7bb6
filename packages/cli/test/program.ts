import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

// Node of this age reads no TypeScript, the loader of configuration files does.
const loader = createRequire(new URL('../../config/package.json', import.meta.url))
  .resolve('jiti')
  .replace(/jiti\.cjs$/, 'jiti-register.mjs')

/** Arguments of Node that run the program from source. */
export const program: readonly string[] = [
  '--conditions=@servesim/source',
  '--import',
  pathToFileURL(loader).href,
  fileURLToPath(new URL('../src/bin.ts', import.meta.url)),
]
