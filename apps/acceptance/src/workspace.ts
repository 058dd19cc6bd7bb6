import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CodeBlock } from './markdown.js'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Runs a program of the workspace in a folder. @returns all that it printed, and its exit code */
export function execute(cwd: string, program: string, ...args: string[]): { code: number | null; output: string } {
  const env = { ...process.env, NO_COLOR: '1', PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter) }
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 26 })
  return { code: status, output: stdout + stderr }
}

/** Runs `npx servesim …` as a page has it, from the build in `workspace`. Arguments may not hold spaces. */
export function servesim(cwd: string, command: string, workspace = root): { code: number | null; output: string } {
  const [npx, program, ...args] = command.replace(/ +#.*/, '').split(' ')
  if (npx !== 'npx' || program !== 'servesim') throw new Error(`"${command}" is no command of servesim.`)
  return execute(cwd, process.execPath, join(workspace, 'packages', 'cli', 'bin.js'), ...args)
}

/** Compiles what the command line needs; nothing happens where that is up to date. */
export function buildCommandLine(): void {
  const { code, output } = execute(root, 'tsc', '-b', 'packages/cli')
  if (code !== 0) throw new Error(output)
}

/** Compiles every package; nothing happens where that is up to date. */
export function buildEverything(): void {
  const { code, output } = execute(root, 'tsc', '-b')
  if (code !== 0) throw new Error(output)
}

/** Writes the files that a page shows. */
export function writeShown(folder: string, blocks: readonly CodeBlock[]): void {
  for (const { file, text } of blocks) {
    if (file === undefined) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
}

/** Commands of a page's shell blocks, in order. */
export function commandsOf(blocks: readonly CodeBlock[]): string[] {
  return blocks.flatMap(({ info, text }) => (info === 'sh' ? text.trimEnd().split('\n') : []))
}

/** What an install does for packages of the workspace and for what they use: links in `node_modules` of a folder. */
export function link(folder: string, names: readonly string[], workspace = root): void {
  for (const name of names) {
    const target = join(folder, 'node_modules', name)
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(join(workspace, 'apps', 'acceptance', 'node_modules', name), target, 'junction')
  }
}

export function dependenciesOf(folder: string): string[] {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return Object.keys({ ...dependencies, ...devDependencies })
}
