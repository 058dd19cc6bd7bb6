import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { servesim, temporaryFolder, writeFiles } from '../test/command.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

const package_ = (name: string, servesim: object) => ({
  [`node_modules/${name}/package.json`]: { name, version: '1.2.3', keywords: ['servesim-plugin'], exports: './main.mjs', servesim },
  [`node_modules/${name}/main.mjs`]: 'throw new Error("this code ran")',
})

writeFiles(cwd, {
  'package.json': { name: 'mine', dependencies: { 'servesim-router-a': '1', 'servesim-bundle-b': '1' } },
  ...package_('servesim-router-a', { kind: 'router', contract: 4, provides: ['a', 'round-robin'] }),
  ...package_('servesim-bundle-b', { kind: 'bundle', contract: 1, provides: ['b-1'] }),
  'node_modules/servesim-bundle-b/bundle.json': { schemaVersion: 1, device: 'b-1' },
})

test('plugins of the project are listed by what their manifests say, and none of their code runs', async () => {
  const { code, stdout } = await servesim(cwd, 'plugins')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^Your project +kind, contract +version +provides$/m)
  expect(stdout).toMatch(/^servesim-router-a +router 4 +1\.2\.3 +a, round-robin$/m)
  expect(stdout).toMatch(/^@servesim\/router-round-robin +router +\d/m)
  const { packages } = JSON.parse((await servesim(cwd, 'plugins', '--json')).stdout)
  expect(packages[0]).toMatchObject({ package: 'servesim-bundle-b', kind: 'bundle', version: '1.2.3', provides: ['b-1'], from: 'project' })
})

test('the doctor explains conflicts and exits with 1', async () => {
  const { code, stdout } = await servesim(cwd, 'plugins', 'doctor')
  const text = stdout.replaceAll(/\s+/g, ' ')
  expect(code).toBe(1)
  expect(text).toContain('Conflict: Plugin servesim-router-a@1.2.3 was built for contract 4 of servesim/router; expected 1')
  expect(text).toMatch(/servesim-router-a@1\.2\.3 and @servesim\/router-round-robin@[\d.]+ both provide the router "round-robin"/)
  expect(JSON.parse((await servesim(cwd, 'plugins', 'doctor', '--json')).stdout)).toContainEqual(
    expect.objectContaining({ severity: 'conflict', hint: expect.stringContaining('servesim-router-a') }),
  )
  writeFiles(join(cwd, 'other'), { 'package.json': {} })
  expect(await servesim(join(cwd, 'other'), 'plugins', 'doctor')).toMatchObject({ code: 0, stdout: expect.stringContaining('no conflict') })
})

test('a plugin of another contract is refused with the names of plugin, expected and found', async () => {
  const { code, stderr } = await servesim(cwd, 'run', '--requests', '5', '--use', 'a')
  expect(code).toBe(2)
  expect(stderr).toContain('SERVESIM_CONTRACT_MISMATCH at plugins.servesim-router-a')
  expect(stderr).toContain('built for contract 4 of servesim/router; expected 1')
})

test('a plugin that is not installed is named with its package', async () => {
  const { code, stderr } = await servesim(join(cwd, 'other'), 'run', '--use', 'shiny')
  expect(code).toBe(2)
  expect(stderr).toMatch(/npm install @servesim\/router-shiny` or `npm install servesim-router-shiny`/)
})
