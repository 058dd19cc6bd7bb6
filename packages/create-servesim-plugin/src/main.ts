import { relative } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { createPlugin } from './create-plugin.js'
import { isKind, type Kind, kinds } from './kinds.js'

const names = Object.keys(kinds) as Kind[]

const help = `npm create servesim-plugin [folder] -- [--kind <kind>] [--name <name>] [--scope <@scope>] [--force]

Writes a plugin package that builds, passes its conformance suite and can be published.

${names.map((kind) => `  ${kind.padEnd(12)} ${kinds[kind]}`).join('\n')}

What is left out is asked for.
`

/** @returns exit code: 0 written, 2 what was asked for cannot be done */
export async function main(args: readonly string[], cwd: string): Promise<number> {
  try {
    const { values, positionals } = parse(args)
    if (values.help === true) {
      process.stdout.write(help)
      return 0
    }
    const kind = values.kind ?? (await ask(`Kind (${names.join(', ')})`, '--kind'))
    if (!isKind(kind)) throw new Error(`There is no kind "${kind}"; there are ${names.join(', ')}.`)
    const name = values.name ?? (await ask('Name, in kebab-case', '--name'))
    const { packageName, folder } = createPlugin({ kind, name, scope: values.scope, folder: positionals[0], force: values.force }, cwd)
    process.stdout.write(`Wrote ${packageName}. Next:\n\n  cd ${relative(cwd, folder) || '.'}\n  npm install\n  npm test\n  npm start\n\n`)
    return 0
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    return 2
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      kind: { type: 'string', short: 'k' },
      name: { type: 'string', short: 'n' },
      scope: { type: 'string' },
      force: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

/** @throws Error where nobody is there to answer */
async function ask(question: string, flag: string): Promise<string> {
  if (!process.stdin.isTTY) throw new Error(`${flag} is missing, and nobody is there to ask. --help says what there is.`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await terminal.question(`${question}: `)).trim()
  } finally {
    terminal.close()
  }
}
