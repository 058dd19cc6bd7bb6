import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isServesimError } from './errors.js'
import { definePlugin, type Plugin, Registry } from './plugin.js'
import { type ModelSource, modelSource, type Router, router } from './points/index.js'

const newRouter = (name: string, aliases: string[] = []) => ({
  name,
  aliases,
  description: '',
  options: z.strictObject({}),
  build: (): Router => ({ reads: 'shape', route: () => 0 }),
})

const withRouter = (plugin: string, ...names: string[]): Plugin =>
  definePlugin(plugin, (host) => {
    for (const name of names) host.provide(router, newRouter(name))
  })

function errorOf(act: () => unknown): { code: string; path: string; message: string; hint: string | undefined } {
  try {
    act()
  } catch (error) {
    if (isServesimError(error)) return { code: error.code, path: error.path, message: error.message, hint: error.hint }
    throw error
  }
  throw new Error('Nothing was thrown.')
}

describe('the registry', () => {
  it('finds a provider by its name or alias in any case', () => {
    const registry = new Registry([definePlugin('p', (host) => host.provide(router, newRouter('nearest', ['Closest'])))])
    expect(registry.named(router, 'NEAREST', '').name).toBe('nearest')
    expect(registry.named(router, 'closest', '').name).toBe('nearest')
  })

  it('names near matches and what is installed where a name is unknown', () => {
    const error = errorOf(() => new Registry([withRouter('p', 'round-robin', 'random')]).named(router, 'round-robbin', 'router.use'))
    expect(error).toMatchObject({ code: 'SERVESIM_UNKNOWN_NAME', path: 'router.use', hint: 'Did you mean "round-robin"?' })
    expect(error.message).toContain('installed: random, round-robin')
  })

  it('names the package to install where nothing is near', () => {
    expect(errorOf(() => new Registry([]).named(router, 'cheapest', 'router.use')).hint).toContain('@servesim/router-cheapest')
  })

  it('refuses two providers of one name, and names both plugins', () => {
    const error = errorOf(() => new Registry([withRouter('first', 'same'), withRouter('second', 'same')]))
    expect(error.code).toBe('SERVESIM_PLUGIN_CONFLICT')
    expect(error.message).toContain('"second" and "first" both provide "same"')
  })

  it('refuses two different plugins of one name, and takes the same one twice as once', () => {
    const one = withRouter('p', 'a')
    expect(new Registry([one, one, definePlugin('preset', () => {}, [one])]).all(router)).toHaveLength(1)
    const other = definePlugin('p', (host) => host.provide(router, newRouter('b')))
    expect(errorOf(() => new Registry([one, other])).code).toBe('SERVESIM_PLUGIN_CONFLICT')
  })

  it('refuses a plugin that was built for another contract', () => {
    const plugin = definePlugin('old', (host) => host.provide({ ...router, contract: 99 }, newRouter('old')))
    expect(errorOf(() => new Registry([plugin]))).toMatchObject({ code: 'SERVESIM_CONTRACT_MISMATCH', path: 'plugins.old' })
  })

  it('matches points by id, so that two copies of core do no harm', () => {
    const plugin = definePlugin('p', (host) => host.provide({ ...router }, newRouter('a')))
    expect(new Registry([plugin]).named(router, 'a', '').name).toBe('a')
  })

  it('orders a chain by plugin name, whatever the order of the plugins', () => {
    const source = (name: string) =>
      definePlugin(`plugin-${name}`, (host) =>
        host.provide(modelSource, { name, resolve: () => undefined, list: () => [] } satisfies ModelSource),
      )
    const names = (plugins: Plugin[]) => new Registry(plugins).all(modelSource).map((s) => s.provided.name)
    expect(names([source('b'), source('a')])).toEqual(names([source('a'), source('b')]))
  })

  it('brings along the plugins of a preset', () => {
    const registry = new Registry([
      definePlugin('preset', () => {}, [withRouter('a', 'a'), definePlugin('inner', () => {}, [withRouter('b', 'b')])]),
    ])
    expect(registry.pluginNames).toEqual(['a', 'b', 'inner', 'preset'])
  })
})
