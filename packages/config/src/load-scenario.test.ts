import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { Projects, plugin, write as writeIn } from '../test/project.js'
import { toyScenario, toys } from '../test/toy-plugins.js'
import { findInstalledPlugins } from './find-plugins.js'
import { loadScenario } from './load-scenario.js'

const projects = new Projects()
afterAll(() => projects.remove())

let cwd: string
beforeEach(() => {
  cwd = projects.next()
})
const write = (files: Record<string, unknown>) => writeIn(cwd, files)

const load = (options: { path?: string; plugins?: string[] } = {}) =>
  loadScenario({ cwd, defaults: toyScenario, builtIn: [toys], ownFolder: projects.root, ...options })

describe('a scenario file', () => {
  test('is found in the folder, completed, and its paths are made absolute', async () => {
    write({
      'servesim.yaml': 'seed: 7\nworkload: { use: trace, file: traces/a.jsonl }\npools: [{ device: { use: toy-1, bundle: ./perf } }]',
    })
    const { scenario, path } = await load()
    expect(path).toBe('servesim.yaml')
    expect(scenario).toMatchObject({
      seed: 7,
      router: { use: 'toy-router' },
      workload: { file: join(cwd, 'traces/a.jsonl') },
      pools: [{ model: 'a/b', device: { bundle: join(cwd, 'perf') } }],
    })
  })

  test('may be TypeScript, JavaScript or JSON', async () => {
    write({ 'a.ts': 'const seed: number = 1\nexport default { seed }', 'b.mjs': 'export default { seed: 2 }', 'c.json': { seed: 3 } })
    const seeds = await Promise.all(['a.ts', 'b.mjs', 'c.json'].map(async (path) => (await load({ path })).written.seed))
    expect(seeds).toEqual([1, 2, 3])
  })

  test('a model may be the path of a config.json, and is called after it', async () => {
    write({
      'models/Some-7B/config.json': { model_type: 'llama' },
      'servesim.yaml': 'pools: [{ model: ./models/Some-7B/config.json }, { model: ./models/Some-7B }]',
    })
    const { scenario } = await load()
    const model = { model_type: 'llama', _name_or_path: 'Some-7B' }
    expect(scenario).toMatchObject({ pools: [{ model }, { model }] })
  })

  test.each([
    ['half-written JSON', { 'x.json': '{ "seed": 1, "pools": [' }, 'x.json', /^x\.json:1:\d+$/],
    ['broken YAML', { 'x.yaml': 'seed: 1\n  name: a' }, 'x.yaml', /^x\.yaml:\d+:\d+$/],
    ['an empty file', { 'x.yaml': '' }, 'x.yaml', /^x\.yaml$/],
    ['a list', { 'x.yaml': '- 1' }, 'x.yaml', /^x\.yaml$/],
    ['no file', {}, 'none.yaml', /^none\.yaml$/],
    ['a folder', { 'x.yaml/y': '' }, 'x.yaml', /^x\.yaml$/],
    ['another kind of file', { 'x.txt': '' }, 'x.txt', /^x\.txt$/],
    ['a module that throws', { 'x.mjs': 'throw new Error("boom")' }, 'x.mjs', /^x\.mjs$/],
    ['a missing model', { 'x.yaml': 'pools: [{ model: ./no.json }]' }, 'x.yaml', /^\.\/no\.json$/],
  ])('%s is refused with its place', async (_, files, path, place) => {
    write(files)
    await expect(load({ path })).rejects.toMatchObject({ code: 'SERVESIM_BAD_FILE', path: expect.stringMatching(place) })
  })
})

describe('plugins', () => {
  test('of the project are found by keyword and loaded when a scenario names what they provide', async () => {
    write({
      'package.json': { dependencies: { 'servesim-router-a': '1', plain: '1' }, devDependencies: { '@x/servesim-router-b': '1' } },
      ...plugin('servesim-router-a', ['a']),
      ...plugin('@x/servesim-router-b', ['b']),
      'node_modules/plain/package.json': { name: 'plain' },
      'servesim.yaml': 'router: { use: A }',
    })
    expect(findInstalledPlugins(cwd, projects.root).map((found) => found.packageName)).toEqual([
      '@x/servesim-router-b',
      'servesim-router-a',
    ])
    expect((await load()).registry.pluginNames).toEqual(['servesim-router-a', 'toys'])
  })

  test('that the project does not depend on directly are not loaded', async () => {
    write({ 'package.json': {}, ...plugin('servesim-router-a', ['a']), 'servesim.yaml': 'router: { use: a }' })
    expect((await load()).registry.pluginNames).toEqual(['toys'])
  })

  test('of the project come before those of the same name that came along', async () => {
    write({ 'package.json': { dependencies: { toys: '1' } }, ...plugin('toys', ['mine']), 'servesim.yaml': 'router: { use: mine }' })
    const { registry } = await load()
    expect(registry.pluginNames).toEqual(['toys'])
  })

  test('may be a file on the command line, and any file in TypeScript, but no file in YAML', async () => {
    write({
      'own.mjs': plugin('own', ['o'])['node_modules/own/main.mjs'],
      'a.mjs': 'export default { plugins: ["./own.mjs"] }',
      'b.yaml': 'plugins: [./own.mjs]',
    })
    expect((await load({ plugins: ['./own.mjs'] })).registry.pluginNames).toEqual(['own', 'toys'])
    expect((await load({ path: 'a.mjs' })).registry.pluginNames).toEqual(['own', 'toys'])
    await expect(load({ path: 'b.yaml' })).rejects.toMatchObject({
      code: 'SERVESIM_BAD_OPTION',
      hint: expect.stringContaining('--plugin ./own.mjs'),
    })
  })

  test.each([
    ['servesim-router-c', 'SERVESIM_UNKNOWN_NAME'],
    ['./none.mjs', 'SERVESIM_BAD_FILE'],
    ['./empty.mjs', 'SERVESIM_BAD_FILE'],
    ['./broken.mjs', 'SERVESIM_BAD_FILE'],
  ])('%s is refused', async (reference, code) => {
    write({
      'package.json': { dependencies: { 'servesim-router-a': '1' } },
      'empty.mjs': 'export const x = 1',
      'broken.mjs': 'export const = 1',
    })
    await expect(load({ plugins: [reference] })).rejects.toMatchObject({ code })
  })
})
