import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Kind, kinds } from 'create-servesim-plugin'
import { describe, expect, test } from 'vitest'
import { type LoopbackRegistry, writeBelow } from './loopback-registry.js'

/** Programs that run at a time. */
const atOnce = 2

const all = Object.keys(kinds) as Kind[]
const nameOf = (kind: Kind) => `my-${kind}`
const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')

/** A plugin of each kind, from `npm create` to a simulation in somebody else's project. */
export function describeCreatedPlugins(registry: () => LoopbackRegistry): void {
  describe('npm create servesim-plugin', () => {
    let workshop: string
    let folders: string[]

    test('writes a package of each kind', async () => {
      // One install serves all of them.
      workshop = registry().project('workshop', { 'package.json': { private: true, workspaces: ['*'] } })
      await each(all, async (kind) => {
        const flags = ['--kind', kind, '--name', nameOf(kind)]
        await succeeds(workshop, 'npm', 'create', '--yes', 'servesim-plugin@latest', '--', ...flags)
      })
      folders = readdirSync(workshop).filter((name) => name.startsWith('servesim-'))
      expect(folders).toHaveLength(all.length)
    })

    test('each builds, passes its conformance suite and is published as it is', async () => {
      await succeeds(workshop, 'npm', 'install')
      await each(folders, async (name) => {
        const folder = join(workshop, name)
        const tested = await succeeds(folder, 'npm', 'test')
        expect(tested, name).toMatch(/^# fail 0$/m)
        expect(Number(/^# pass (\d+)$/m.exec(tested)?.[1]), name).toBeGreaterThan(4)
        await succeeds(folder, 'npm', 'publish')
      })
    })

    test('each works where it is installed, found by its name alone', async () => {
      const folder = registry().project('their-user', { 'package.json': {} })
      await succeeds(folder, 'npm', 'install', 'servesim', ...folders)
      for (const name of folders) writeBelow(folder, { [`${name}.yaml`]: read(join(workshop, name), 'servesim.yaml') })
      await each(folders, async (name) => {
        const output = await succeeds(folder, 'npx', '--no', 'servesim', 'run', `${name}.yaml`, '--requests', '30')
        expect(output, name).toMatch(/^TTFT/m)
      })
      const { packages } = JSON.parse(await succeeds(folder, 'npx', '--no', 'servesim', 'plugins', '--json'))
      const listed = (packages as { package: string; from: string; provides: string[] }[]).filter(({ from }) => from === 'project')
      expect(listed.map((row) => row.package)).toEqual(folders)
      expect(await succeeds(folder, 'npx', '--no', 'servesim', 'plugins', 'doctor')).toContain('no conflict')
      const devices = await succeeds(folder, 'npx', '--no', 'servesim', 'devices')
      expect(devices).toContain('my-device-data')
    })

    async function succeeds(cwd: string, program: string, ...args: string[]): Promise<string> {
      const { code, output, errors } = await registry().run(cwd, program, ...args)
      expect(code, `${program} ${args.join(' ')} in ${cwd}\n${output}\n${errors}`).toBe(0)
      return output
    }
  })
}

async function each<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
