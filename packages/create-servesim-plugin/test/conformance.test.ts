import { type Plugin, Registry } from '@servesim/core'
import { describePlugin } from '@servesim/testkit'
import { expect, test } from 'vitest'
import { kinds } from '../src/kinds.js'

// Templates are plugins: each obeys the laws of its kind as it stands.

const withCode = Object.keys(kinds).filter((kind) => kind !== 'device-data')
const plugins = await Promise.all(
  withCode.map(async (kind) => ((await import(`../templates/${kind}/src/index.ts`)) as { exampleName: Plugin }).exampleName),
)

for (const plugin of plugins) describePlugin(plugin)

test('there is one of each kind, and they go together', () => {
  expect(new Registry(plugins).pluginNames).toEqual(withCode.map((kind) => `${kind}-example-name`).sort())
})
