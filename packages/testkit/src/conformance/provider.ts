import { isServesimError, type OptionsSchema, type Plugin, type Point, Registry } from '@servesim/core'
import { z } from 'zod'
import { type Check, holds, same } from './suite.js'

interface Described {
  name: string
  description: string
  options: OptionsSchema
}

/** What holds for every named provider, whatever its point. */
export function providerChecks(plugin: Plugin, point: Point<unknown>, provided: Described): Check[] {
  const { name, description, options } = provided
  return [
    {
      name: 'says who it is, in kebab-case and in one sentence',
      run() {
        holds(/^[a-z0-9]+(-[a-z0-9.]+)*$/.test(name), `The name "${name}" is not in kebab-case.`)
        holds(description.trim() !== '', `"${name}" has no description.`)
      },
    },
    {
      name: 'describes each of its options and refuses others',
      run() {
        for (const [key, option] of Object.entries(options.shape)) {
          const { description: text } = z.toJSONSchema(option as z.ZodType, { io: 'input', unrepresentable: 'any' }) as {
            description?: string
          }
          holds(text !== undefined && text !== '', `The option "${key}" is not described; add .describe('…').`)
        }
        const { error } = options.safeParse({ noSuchOption: 1 })
        const unknown = error?.issues.some((issue) => issue.code === 'unrecognized_keys') ?? false
        holds(unknown, 'An option "noSuchOption" is taken without complaint; make the schema a z.strictObject.')
      },
    },
    {
      name: 'is provided in the same way whenever asked, and by no two plugins',
      run() {
        const names = () => namesOf(plugin, point)
        same(names(), names(), 'What setup provides', ['at first', 'the second time'])
        const twin: Plugin = { name: `${plugin.name}-twin`, setup: (host) => host.provide(point as Point<Described>, provided) }
        const conflict = codeOf(() => new Registry([plugin, twin]))
        holds(conflict === 'SERVESIM_PLUGIN_CONFLICT', 'A second plugin that provides the same name is no conflict; is the point "named"?')
      },
    },
    {
      name: 'is built for a contract that this core has',
      run() {
        const other: Plugin = {
          name: `${plugin.name}-of-another-contract`,
          setup: (host) =>
            host.provide({ ...point, contract: point.contract + 1 } as Point<Described>, { ...provided, name: `${name}-other` }),
        }
        const mismatch = codeOf(() => new Registry([plugin, other]))
        holds(mismatch === 'SERVESIM_CONTRACT_MISMATCH', `Another contract of ${point.id} is not told apart.`)
      },
    },
  ]
}

function namesOf(plugin: Plugin, point: Point<unknown>): string[] {
  const names: string[] = []
  plugin.setup({
    provide: (at: Point<unknown>, provided: unknown) => {
      if (at.id === point.id) names.push((provided as Described).name)
    },
  })
  return [...names, ...(plugin.plugins ?? []).flatMap((inner) => namesOf(inner, point))]
}

/** Code of the `ServesimError` that is thrown; `undefined` where nothing is. */
function codeOf(act: () => unknown): string | undefined {
  try {
    act()
  } catch (error) {
    if (isServesimError(error)) return error.code
    throw error
  }
  return undefined
}
