import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { main } from '../src/main.js'

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** An empty folder. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'servesim-cli-'))
}

/** Writes files below a folder; what is no text is written as JSON. */
export function writeFiles(folder: string, files: Record<string, unknown>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
}

/** Runs a command line in this process, in a folder. */
export async function servesim(cwd: string, ...args: string[]): Promise<Outcome> {
  let stdout = ''
  let stderr = ''
  const code = await main(args, {
    cwd,
    print: (text) => {
      stdout += text
    },
    note: (text) => {
      stderr += text
    },
    isWatched: false,
  })
  return { code, stdout, stderr }
}
