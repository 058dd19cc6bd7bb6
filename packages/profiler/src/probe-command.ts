import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nearMatches, ServesimError } from '@servesim/core'

/** How a probe is started. */
export interface ProbeCommand {
  command: string
  args: string[]
  /** Added to the environment. */
  env?: Record<string, string>
}

const shipped: Readonly<Record<string, string>> = { torch: 'torch_probe.py', numpy: 'numpy_probe.py' }

export const shippedProbes = Object.keys(shipped)

/** Where the probes that come with this package lie. */
const probeFolder = fileURLToPath(new URL('../probes/', import.meta.url))

/**
 * A probe by name (`torch`, `numpy`), by file (`chip.py`, `chip.mjs`, a program) or as a command line (`python3 chip.py --card 1`).
 * @param python interpreter of Python files
 * @throws ServesimError SERVESIM_UNKNOWN_NAME
 */
export function probeCommand(text: string, cwd: string, python = process.env.SERVESIM_PYTHON ?? 'python3'): ProbeCommand {
  const [first = '', ...rest] = wordsOf(text)
  const file = shipped[first]
  if (file !== undefined) return { command: python, args: ['-u', `${probeFolder}${file}`, ...rest] }
  const path = resolve(cwd, first)
  if (existsSync(path)) {
    if (extname(path) === '.py') return { command: python, args: ['-u', path, ...rest] }
    if (/^\.[cm]?js$/.test(extname(path))) return { command: process.execPath, args: [path, ...rest] }
    return { command: path, args: rest }
  }
  if (rest.length > 0) return { command: first, args: rest }
  const near = nearMatches(first, shippedProbes)
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    '--probe',
    `There is no probe and no file "${first}".`,
    near.length > 0 ? `Did you mean ${near[0]}?` : `Shipped: ${shippedProbes.join(', ')}. Or name a file, or a command line in quotes.`,
  )
}

/** Words of a command line; quotes keep spaces. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}
