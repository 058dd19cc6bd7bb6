import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { definePlugin, device, Registry } from '@servesim/core'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { bundlePackage, forbidden, hasRun, Projects, plugin, write } from '../test/project.js'
import { toyScenario, toys } from '../test/toy-plugins.js'
import { bundleFolder, withInstalledBundles } from './bundle-packages.js'
import { examinePlugins } from './doctor.js'
import { findBuiltInPlugins, findDependency, findInstalledPlugins } from './find-plugins.js'
import { loadScenario } from './load-scenario.js'
import { checkInstalled } from './missing-packages.js'

const projects = new Projects()
afterAll(() => projects.remove())

let cwd: string
beforeEach(() => {
  cwd = projects.next()
})

const load = (options: { path?: string; plugins?: string[]; cwd?: string } = {}) =>
  loadScenario({ cwd, defaults: toyScenario, builtIn: [toys], ownFolder: projects.root, ...options })
const project = (...names: string[]) => ({
  'package.json': { name: 'mine', dependencies: Object.fromEntries(names.map((name) => [name, '1'])) },
})

describe('plugins are found', () => {
  test('from a folder of the project, in the project and in its workspace, but in no other folder above', () => {
    write(cwd, { 'package.json': { dependencies: { 'servesim-router-far': '1' } }, ...plugin('servesim-router-far', ['far']) })
    const workspace = join(cwd, 'workspace')
    write(workspace, {
      'package.json': { workspaces: ['packages/*'], devDependencies: { 'servesim-router-shared': '1' } },
      ...plugin('servesim-router-shared', ['shared']),
    })
    const inner = join(workspace, 'packages', 'inner')
    write(inner, { ...project('servesim-router-own'), ...plugin('servesim-router-own', ['own']), 'deep/er/.keep': '' })
    const found = findInstalledPlugins(join(inner, 'deep', 'er'), projects.root)
    expect(found.map(({ packageName }) => packageName)).toEqual(['servesim-router-own', 'servesim-router-shared'])
    expect(found[0]).toMatchObject({ kind: 'router', contract: 1, provides: ['own'], version: '1.0.0' })
  })

  test('beside a command line: all of a global folder, of a temporary one only those that were asked for', () => {
    const own = join('node_modules', 'servesim', 'dist')
    write(cwd, { [`${own}/.keep`]: '', ...plugin('servesim-router-a', ['a']), ...plugin('servesim-router-b', ['b']) })
    const elsewhere = projects.next()
    const names = () => findInstalledPlugins(elsewhere, join(cwd, own)).map(({ packageName }) => packageName)
    expect(names()).toEqual(['servesim-router-a', 'servesim-router-b'])
    write(cwd, project('servesim', 'servesim-router-b'))
    expect(names()).toEqual(['servesim-router-b'])
  })

  test('by a short name: ours, then another’s, then a file', async () => {
    write(cwd, {
      ...project('@servesim/router-rr', 'servesim-router-rr', 'servesim-router-other'),
      ...plugin('@servesim/router-rr', ['rr']),
      ...plugin('servesim-router-rr', ['rr']),
      ...plugin('servesim-router-other', ['other']),
      'local/main.mjs': plugin('local', ['local'])['node_modules/local/main.mjs'],
      'lone.mjs': plugin('lone', ['lone'])['node_modules/lone/main.mjs'],
    })
    expect(findDependency(cwd, 'rr')?.packageName).toBe('@servesim/router-rr')
    const names = async (reference: string) => (await load({ plugins: [reference] })).registry.pluginNames
    expect(await names('other')).toEqual(['servesim-router-other', 'toys'])
    expect(await names('local/main.mjs')).toEqual(['local', 'toys'])
    expect(await names('lone.mjs')).toEqual(['lone', 'toys'])
    await expect(names('nobody')).rejects.toMatchObject({
      code: 'SERVESIM_UNKNOWN_NAME',
      hint: expect.stringContaining('npm install nobody'),
    })
  })

  test('when a scenario names the package’s last part, whatever the provider in it is called', async () => {
    write(cwd, {
      ...project('@acme/servesim-router-odd'),
      ...plugin('@acme/servesim-router-odd', ['even']),
      'servesim.yaml': 'router: { use: odd }',
    })
    expect((await load()).registry.pluginNames).toEqual(['@acme/servesim-router-odd', 'toys'])
  })

  test('among what came with a package: its dependencies and those of presets', () => {
    const own = join(cwd, 'node_modules', 'servesim')
    write(cwd, {
      'node_modules/servesim/package.json': { dependencies: { preset: '1', plain: '1' } },
      ...plugin('preset', [], { dependencies: { 'servesim-router-a': '1' }, servesim: { kind: 'preset', contract: 1, provides: [] } }),
      ...plugin('servesim-router-a', ['a']),
      ...plugin('servesim-router-b', ['b']),
      'node_modules/plain/package.json': { name: 'plain', dependencies: { 'servesim-router-b': '1' } },
    })
    expect(findBuiltInPlugins(own).map(({ packageName }) => packageName)).toEqual(['preset', 'servesim-router-a'])
  })
})

describe('trust', () => {
  test('a plugin of another contract is refused before its code runs', async () => {
    const built = { servesim: { kind: 'router', contract: 7, provides: ['forbidden'] }, version: '2.3.4' }
    write(cwd, {
      ...project('servesim-router-old'),
      ...forbidden('servesim-router-old', built),
      'servesim.yaml': 'router: { use: forbidden }',
    })
    const refused = {
      code: 'SERVESIM_CONTRACT_MISMATCH',
      message: 'Plugin servesim-router-old@2.3.4 was built for contract 7 of servesim/router; expected 1, which this core has.',
    }
    await expect(load()).rejects.toMatchObject(refused)
    await expect(load({ plugins: ['servesim-router-old'] })).rejects.toMatchObject(refused)
    expect(hasRun()).toBe(false)
  })

  test.each([
    './own.mjs',
    '../own.mjs',
    'own.mjs',
    '/own.mjs',
    'sub/own.js',
    'C:\\\\own.mjs',
    'file:///own.mjs',
    'data:text/javascript,0',
    'pkg/../own.mjs',
  ])('data cannot name the code file %s', async (file) => {
    const code = 'globalThis.servesimForbidden = true'
    write(cwd, {
      ...project(),
      'own.mjs': code,
      'sub/own.js': code,
      'a.yaml': `plugins: ["${file}"]`,
      'b.json': `{ "plugins": ["${file}"] }`,
    })
    for (const path of ['a.yaml', 'b.json'])
      await expect(load({ path })).rejects.toMatchObject({ code: 'SERVESIM_BAD_OPTION', hint: expect.stringContaining('--plugin') })
    expect(hasRun()).toBe(false)
  })

  test.each([
    '!!js/function "function () { globalThis.servesimForbidden = true }"',
    '!!python/object/apply:os.system ["true"]',
    '!<!js> x',
  ])('data with the tag %s stays data or is refused', async (text) => {
    write(cwd, { 'a.yaml': `name: ${text}` })
    await load({ path: 'a.yaml' }).catch((error: { code?: string }) => expect(error.code).toBe('SERVESIM_BAD_FILE'))
    expect(hasRun()).toBe(false)
  })

  test('data cannot make a package run that the project does not depend on directly', async () => {
    write(cwd, {
      ...project('servesim-router-a'),
      ...plugin('servesim-router-a', ['a'], { dependencies: { 'servesim-router-deep': '1' } }),
      ...forbidden('servesim-router-deep'),
    })
    write(cwd, {
      'use.yaml': 'router: { use: forbidden }',
      'name.yaml': 'plugins: [servesim-router-deep]',
      'short.yaml': 'plugins: [deep]',
    })
    expect((await load({ path: 'use.yaml' })).registry.pluginNames).toEqual(['toys'])
    for (const path of ['name.yaml', 'short.yaml']) await expect(load({ path })).rejects.toMatchObject({ code: 'SERVESIM_UNKNOWN_NAME' })
    expect(hasRun()).toBe(false)
  })

  test('nothing runs of an installed plugin that nobody names, nor of a bundle in any way', async () => {
    const bundle = { servesim: { kind: 'bundle', contract: 1, provides: ['forbidden'] }, main: './main.mjs' }
    write(cwd, {
      ...project('servesim-router-f', 'servesim-bundle-f'),
      ...forbidden('servesim-router-f'),
      ...forbidden('servesim-bundle-f', bundle),
    })
    expect((await load()).registry.pluginNames).toEqual(['toys'])
    write(cwd, {
      ...project('servesim-bundle-f'),
      'use.yaml': 'pools: [{ device: forbidden }]',
      'name.yaml': 'plugins: [servesim-bundle-f]',
    })
    await load({ path: 'use.yaml' })
    await expect(load({ path: 'name.yaml' })).rejects.toMatchObject({ message: expect.stringContaining('bundle: data') })
    expect(hasRun()).toBe(false)
  })
})

describe('a bundle package', () => {
  const registry = new Registry([toys])
  const bound = (scenario: unknown) => withInstalledBundles(scenario, findInstalledPlugins(cwd, projects.root), registry)

  test('is a device, unless a plugin provides that device or another bundle is named', () => {
    write(cwd, { ...project('servesim-bundle-acme'), ...bundlePackage('servesim-bundle-acme', 'acme-1') })
    const bundle = realpathSync(join(cwd, 'node_modules/servesim-bundle-acme'))
    expect(bound({ pools: [{ device: 'ACME-1' }, { device: { use: 'acme-1' } }] })).toEqual({
      pools: [{ device: { use: 'acme-1', bundle } }, { device: { use: 'acme-1', bundle } }],
    })
    const others = { pools: [{ device: 'toy-1' }, { device: { use: 'acme-1', bundle: './mine' } }, { device: 'unknown' }] }
    expect(bound(others)).toEqual(others)
  })

  test('may be named where a bundle’s folder is', () => {
    write(cwd, {
      ...project('servesim-bundle-acme', 'plain'),
      ...bundlePackage('servesim-bundle-acme', 'acme-1'),
      'here/bundle.json': '{}',
    })
    expect(bundleFolder('here', cwd)).toBe(join(cwd, 'here'))
    expect(bundleFolder('servesim-bundle-acme', cwd)).toContain('node_modules')
    expect(bundleFolder('acme', cwd)).toContain('node_modules')
    expect(bundleFolder('plain', cwd)).toBe(join(cwd, 'plain'))
  })
})

describe('what is not installed', () => {
  const hintFor = (scenario: unknown) => {
    try {
      checkInstalled(scenario, new Registry([toys]))
    } catch (error) {
      return (error as { hint: string }).hint
    }
    return undefined
  }
  const pool = (members: object) => ({ pools: [{ device: 'toy-1', ...members }] })

  test.each([
    [{ router: { use: 'round-robin' } }, '`npm install @servesim/router-round-robin`'],
    [pool({ device: 'H100-sxm' }), '`npm install @servesim/device-gpu`'],
    [pool({ techniques: [{ use: 'toy-cache', eviction: { use: 'lru' } }] }), '`npm install @servesim/eviction-lru`'],
    [{ admission: [{ use: 'queue-limit' }] }, '`npm install @servesim/admission-queue-limit`'],
    [pool({ scheduler: { use: 'toy-schedular' } }), 'Did you mean "toy-scheduler"?'],
    [
      pool({ network: { use: 'carrier-pigeon' } }),
      '`npm install @servesim/network-carrier-pigeon` or `npm install servesim-network-carrier-pigeon`',
    ],
  ])('%j is told with the package to install', (scenario, hint) => expect(hintFor(scenario)).toContain(hint))

  test('what is there, or is no name, is left to the schema', () => {
    expect(hintFor(toyScenario)).toBeUndefined()
    expect(hintFor({ router: { use: 7 }, pools: 3, workload: null })).toBeUndefined()
    expect(hintFor(undefined)).toBeUndefined()
  })
})

describe('the doctor', () => {
  const own = () => join(cwd, 'node_modules', 'servesim')
  const findings = () => examinePlugins(cwd, own()).map(({ severity, message }) => `${severity}: ${message}`)
  const coreAt = (folder: string, version: string) => ({
    [`${folder}/node_modules/@servesim/core/package.json`]: { name: '@servesim/core', version },
  })

  test('finds nothing where nothing is wrong', () => {
    write(cwd, {
      ...project('servesim', 'servesim-router-a', 'servesim-bundle-b'),
      ...coreAt('.', '0.1.0'),
      ...plugin('servesim-router-a', ['a'], { peerDependencies: { '@servesim/core': '>=0.1.0 <1' } }),
      ...bundlePackage('servesim-bundle-b', 'b-1'),
      'node_modules/servesim/package.json': { name: 'servesim', dependencies: { 'servesim-router-c': '1' } },
      ...plugin('servesim-router-c', ['c']),
    })
    expect(findings()).toEqual(['notice: servesim-router-c is installed, and mine does not depend on it: it is not loaded.'])
  })

  test('explains contracts, names, ranges and copies of core, without running anything', () => {
    write(cwd, {
      ...project('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      ...coreAt('.', '0.1.0'),
      ...coreAt('node_modules/c', '1.2.0'),
      ...forbidden('a', { servesim: { kind: 'router', contract: 2, provides: ['x'] } }),
      ...forbidden('b', { servesim: { kind: 'router', contract: 1, provides: ['x'] } }),
      ...forbidden('c', {
        servesim: { kind: 'router', contract: 1, provides: ['y'] },
        peerDependencies: { '@servesim/core': '>=0.1.0 <1' },
      }),
      ...forbidden('d', { servesim: undefined }),
      ...bundlePackage('e', 'y-1', { main: './x.mjs' }),
      ...bundlePackage('f', 'toy-9'),
      'node_modules/f/bundle.json': '{}',
      ...plugin('g', ['z'], { exports: './not-built.js' }),
      'node_modules/servesim/package.json': { name: 'servesim' },
    })
    expect(findings()).toEqual([
      'conflict: Plugin a@1.0.0 was built for contract 2 of servesim/router; expected 1, which this core has.',
      'conflict: c needs @servesim/core >=0.1.0 <1, and finds 1.2.0.',
      'notice: d does not say what it provides, so it is loaded for every run.',
      'notice: e is a bundle with code; the code is never run.',
      'conflict: g has no file not-built.js, which its manifest leads to.',
      'conflict: a@1.0.0 and b@1.0.0 both provide the router "x".',
      expect.stringMatching(/^notice: There are 2 copies of @servesim\/core: 0\.1\.0 in .*, 1\.2\.0 in /),
    ])
    expect(hasRun()).toBe(false)
  })

  test('finds a core that is missing, an empty bundle and a device of two', () => {
    write(cwd, {
      ...project('servesim-router-a', 'servesim-bundle-b', 'servesim-bundle-c'),
      ...plugin('servesim-router-a', ['a'], { peerDependencies: { '@servesim/core': '>=0.1.0 <1' } }),
      ...bundlePackage('servesim-bundle-b', 'b-1'),
      ...bundlePackage('servesim-bundle-c', 'b-1'),
      'node_modules/servesim/package.json': { name: 'servesim' },
    })
    write(cwd, { 'node_modules/servesim-bundle-d/package.json': {} })
    expect(findings()).toEqual([
      'conflict: servesim-router-a needs @servesim/core >=0.1.0 <1, and finds none.',
      'notice: servesim-bundle-b@1.0.0 and servesim-bundle-c@1.0.0 both provide the device "b-1"; the plugin is used unless a bundle is named.',
    ])
  })
})

test('a device that a plugin provides is not taken for a bundle', () => {
  const chip = definePlugin('chip', (host) =>
    host.provide(device, { name: 'acme-1', description: '', options: z.strictObject({}), build: () => undefined as never }),
  )
  write(cwd, { ...project('servesim-bundle-acme'), ...bundlePackage('servesim-bundle-acme', 'acme-1') })
  const scenario = { pools: [{ device: 'acme-1' }] }
  expect(withInstalledBundles(scenario, findInstalledPlugins(cwd, projects.root), new Registry([chip]))).toEqual(scenario)
})
