import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createPlugin } from './create-plugin.js'
import { type Kind, kinds } from './kinds.js'

const root = mkdtempSync(join(tmpdir(), 'servesim-create-'))
afterAll(() => rmSync(root, { recursive: true }))

const all = Object.keys(kinds) as Kind[]
const filesBelow = (folder: string) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())

describe.each(all)('%s', (kind) => {
  const { folder, packageName } = createPlugin({ kind, name: 'shiny-2' }, root)

  test('is a package with all its files, named throughout', () => {
    expect(packageName).toBe(`servesim-${kind === 'device-data' ? 'bundle' : kind}-shiny-2`)
    const names = filesBelow(folder).map((file) => file.name)
    for (const name of ['package.json', 'README.md', '.gitignore', 'servesim.yaml', 'conformance.test.js']) expect(names).toContain(name)
    for (const file of filesBelow(folder)) {
      const text = readFileSync(join(file.parentPath, file.name), 'utf8')
      expect(text, file.name).not.toMatch(/example-?name|KIND_SENTENCE|\bEXAMPLE\b/)
    }
  })

  test('says in its manifest what it is, and needs no code of ours to be told', () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    expect(manifest.keywords).toContain('servesim-plugin')
    expect(manifest.servesim.provides).toEqual(['shiny-2'])
    expect(manifest.license).toBe('Apache-2.0')
    if (kind === 'device-data')
      expect([manifest.main, manifest.exports, manifest.peerDependencies]).toEqual([undefined, undefined, undefined])
    else expect(manifest.peerDependencies['@servesim/core']).toBe('>=0.1.0 <1')
  })
})

test('a scope and a folder may be chosen', () => {
  const { folder, packageName } = createPlugin({ kind: 'router', name: 'a', scope: '@acme', folder: 'sub/mine' }, root)
  expect(packageName).toBe('@acme/servesim-router-a')
  expect(folder).toBe(join(root, 'sub/mine'))
  expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('npm install servesim @acme/servesim-router-a')
})

test.each(['Shiny', 'a_b', '', '-a', 'a--b', '2a', '../a', 'a/b'])('the name %j is refused', (name) => {
  expect(() => createPlugin({ kind: 'router', name }, root)).toThrow('kebab-case')
})

test('a scope that is none is refused', () => {
  expect(() => createPlugin({ kind: 'router', name: 'b', scope: 'acme' }, root)).toThrow('npm scope')
})

test('a folder with something in it is left alone, unless that is wanted', () => {
  mkdirSync(join(root, 'full'))
  writeFileSync(join(root, 'full', 'mine.txt'), 'mine')
  expect(() => createPlugin({ kind: 'router', name: 'c', folder: 'full' }, root)).toThrow('is not empty')
  expect(readdirSync(join(root, 'full'))).toEqual(['mine.txt'])
  createPlugin({ kind: 'router', name: 'c', folder: 'full', force: true }, root)
  expect(readFileSync(join(root, 'full', 'mine.txt'), 'utf8')).toBe('mine')
  expect(existsSync(join(root, 'full', 'package.json'))).toBe(true)
  expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([])
})
