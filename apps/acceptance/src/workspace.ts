import { fileURLToPath } from 'node:url'
import { main } from 'servesim'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** Runs one `npx servesim …` of a page in this process, in a folder. Arguments may not hold spaces. */
export async function servesim(cwd: string, command: string): Promise<Outcome> {
  const [npx, program, ...args] = command.replace(/ +#.*/, '').split(' ')
  if (npx !== 'npx' || program !== 'servesim') throw new Error(`"${command}" is no command of servesim.`)
  const outcome: Outcome = { code: 0, stdout: '', stderr: '' }
  outcome.code = await main(args, {
    cwd,
    print: (text) => {
      outcome.stdout += text
    },
    note: (text) => {
      outcome.stderr += text
    },
    isWatched: false,
  })
  return outcome
}
