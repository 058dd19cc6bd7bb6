import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeCreatedPlugins } from './created-plugins.js'
import { LoopbackRegistry, type Printed, writeBelow } from './loopback-registry.js'

// The packages as strangers get them: from a registry, by npm alone, in folders outside the workspace.

let registry: LoopbackRegistry
// Alone on two cores all of this takes less than a minute.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

beforeAll(async () => {
  registry = await LoopbackRegistry.start()
  await registry.publishWorkspace()
})
afterAll(() => registry?.stop())

async function install(folder: string, ...packages: string[]): Promise<Printed> {
  const installed = await registry.run(folder, 'npm', 'install', ...packages)
  expect(installed.code, installed.errors).toBe(0)
  return installed
}

const ours = (folder: string) => readdirSync(join(folder, 'node_modules', '@servesim')).sort()
const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')

/** A run that ends well. */
async function simulated(folder: string, ...args: string[]): Promise<string> {
  const { code, output, errors } = await registry.run(folder, 'npx', '--no', 'servesim', 'run', ...args)
  expect(code, errors).toBe(0)
  return output
}

/** A router that sends all requests to one replica. */
const router = (
  name: string,
  { contract = 1, core = {}, version = '1.0.0' }: { contract?: number; core?: object; version?: string } = {},
) => ({
  'package.json': {
    name: `servesim-router-${name}`,
    version,
    keywords: ['servesim-plugin'],
    license: 'Apache-2.0',
    type: 'module',
    exports: './index.js',
    servesim: { kind: 'router', contract, provides: [name] },
    dependencies: { zod: '4.6.7' },
    ...core,
  },
  'index.js': `import { definePlugin, router } from '@servesim/core'
import { z } from 'zod'
export default definePlugin('router-${name}', (host) => {
  host.provide({ ...router, contract: ${contract} }, { name: '${name}', description: 'The first replica.', options: z.strictObject({}), build: () => ({ reads: 'shape', route: () => 0 }) })
})
`,
})

async function publish(name: string, files: Record<string, unknown>): Promise<void> {
  const { code, errors } = await registry.run(registry.project(name, files), 'npm', 'publish')
  expect(code, errors).toBe(0)
}

const peer = { peerDependencies: { '@servesim/core': '>=0.1.0 <1' } }

/** Composes what is given to it, with a workload of its own: 20 requests over two replicas. */
const script = (imports: string, plugins: string, use: string) => `import { createSimulation, definePlugin, workload } from '@servesim/core'
import { z } from 'zod'
${imports}

const twenty = definePlugin('twenty', (host) => {
  host.provide(workload, {
    name: 'twenty',
    description: 'Twenty requests.',
    options: z.strictObject({}),
    build() {
      let left = 20
      return {
        requestCount: 20,
        prefixGroupTokens: 0,
        next(out) {
          Object.assign(out, { arrivalNs: (20 - left) * 1e8, promptTokens: 500, outputTokens: 20, priority: 0, prefixIds: undefined, prefixIdCount: 0 })
          return left-- > 0 ? 1 : 0
        },
      }
    },
  })
})
const pools = [{ count: 2, model: 'meta-llama/Llama-3.1-8B', device: 'h100-sxm', scheduler: { use: 'vllm' } }]
const simulation = createSimulation({ workload: { use: 'twenty' }, router: { use: '${use}' }, pools, plugins: [twenty, ${plugins}] })
const { requests } = simulation.run()
console.log(requests.finished + ' finished on replicas ' + [...new Set(simulation.results.requests.column('replica'))].sort().join(' and '))
`
const parts = ['@servesim/core', '@servesim/device-gpu', '@servesim/scheduler-vllm', '@servesim/models', 'zod@4.6.7']
const imports = `import { gpu } from '@servesim/device-gpu'\nimport { models } from '@servesim/models'\nimport { vllmScheduler } from '@servesim/scheduler-vllm'`

describe('with nothing but npm', () => {
  test('`npx servesim run` works where only servesim is installed', async () => {
    const folder = registry.project('first-run', { 'package.json': {} })
    await install(folder, 'servesim')
    expect(ours(folder)).not.toContain('testkit')
    const output = await simulated(folder, '--requests', '50')
    expect(output).toContain('on 1 × h100-sxm')
    expect(output).toMatch(/^TTFT/m)
    for (const resolved of read(folder, 'package-lock.json').matchAll(/"resolved": "([^"]+)"/g)) expect(resolved[1]).toContain(registry.url)
  })

  test('a script composes core, a device, a scheduler and a router; nothing else of ours is there', async () => {
    const folder = registry.project('composed', { 'package.json': { type: 'module' } })
    await install(folder, ...parts, '@servesim/router-round-robin')
    expect(ours(folder)).toEqual(['core', 'device-gpu', 'models', 'profile', 'router-round-robin', 'scheduler-vllm'])
    expect(existsSync(join(folder, 'node_modules', 'servesim'))).toBe(false)
    writeBelow(folder, {
      'run.js': script(
        `${imports}\nimport { roundRobin } from '@servesim/router-round-robin'`,
        'gpu, models, vllmScheduler, roundRobin',
        'round-robin',
      ),
    })
    const { output, errors } = await registry.run(folder, 'node', 'run.js')
    expect(output, errors).toBe('20 finished on replicas 0 and 1\n')
  })
})

describe('a plugin that is not there', () => {
  test('is told by the package to install, and works after that', async () => {
    await publish('publish-first', router('to-the-first', { core: peer }))
    const folder = registry.project('missing', {
      'package.json': {},
      'servesim.yaml': 'router: { use: to-the-first }\npools: [{ count: 2 }]\n',
    })
    await install(folder, 'servesim')
    const missing = await registry.run(folder, 'npx', '--no', 'servesim', 'run', '--requests', '20')
    expect(missing.code).toBe(2)
    expect(missing.errors).toContain('There is no router "to-the-first"')
    const [hint] = /npm install servesim-[\w-]+/.exec(missing.errors)!
    await install(folder, hint.split(' ').at(-1)!)
    expect(await simulated(folder, '--requests', '20')).toContain('on 2 × h100-sxm')
  })
})

describe('another core', () => {
  test('beside the first does no harm', async () => {
    const old = join(registry.folder, 'node_modules-core')
    await registry.run(
      registry.project('fetch-core', { 'package.json': {} }),
      'npm',
      'pack',
      '@servesim/core',
      '--pack-destination',
      registry.folder,
    )
    const [tarball] = readdirSync(registry.folder).filter((name) => /^servesim-core-.*\.tgz$/.test(name))
    registry.project('node_modules-core')
    expect((await registry.run(registry.folder, 'tar', '-xzf', tarball!, '-C', old, '--strip-components', '1')).code).toBe(0)
    const manifest = JSON.parse(read(old, 'package.json'))
    writeBelow(old, { 'package.json': { ...manifest, version: '0.0.9' } })
    expect((await registry.run(old, 'npm', 'publish', '--tag', 'old')).code).toBe(0)
    await publish('publish-bound', router('bound', { core: { dependencies: { zod: '4.6.7', '@servesim/core': '0.0.9' } } }))

    const folder = registry.project('two-cores', { 'package.json': { type: 'module' } })
    await install(folder, ...parts, 'servesim-router-bound')
    const copies = ['.', 'node_modules/servesim-router-bound'].map((from) =>
      realpathSync(join(folder, from, 'node_modules/@servesim/core')),
    )
    expect(new Set(copies).size).toBe(2)
    writeBelow(folder, {
      'run.js': script(`${imports}\nimport bound from 'servesim-router-bound'`, 'gpu, models, vllmScheduler, bound', 'bound'),
    })
    const { output, errors } = await registry.run(folder, 'node', 'run.js')
    expect(output, errors).toBe('20 finished on replicas 0\n')
  })

  test('of another contract is refused with plugin, expected and found', async () => {
    await publish('publish-ahead', router('ahead', { contract: 2, core: peer }))
    const folder = registry.project('ahead', { 'package.json': { type: 'module' } })
    await install(folder, 'servesim', 'servesim-router-ahead')
    const refused = await registry.run(folder, 'npx', '--no', 'servesim', 'run', '--use', 'ahead')
    expect(refused.code).toBe(2)
    expect(refused.errors).toContain('Plugin servesim-router-ahead@1.0.0 was built for contract 2 of servesim/router; expected 1')
    const doctor = await registry.run(folder, 'npx', '--no', 'servesim', 'plugins', 'doctor')
    expect(doctor).toMatchObject({ code: 1, output: expect.stringContaining('servesim-router-ahead@1.0.0 was built for contract 2') })
    // Without the command line core itself refuses.
    writeBelow(folder, {
      'run.js': `import { Registry } from '@servesim/core'\nimport ahead from 'servesim-router-ahead'\nnew Registry([ahead])\n`,
    })
    const { errors } = await registry.run(folder, 'node', 'run.js')
    expect(errors).toContain('Plugin "router-ahead" was built for contract 2 of servesim/router; this core has contract 1')
  })
})

describeCreatedPlugins(() => registry)
