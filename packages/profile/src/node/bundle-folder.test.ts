import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { syntheticBundle } from '../synthetic.fixture.js'
import { findBundles, readBundle, recoverBundle, writeBundle } from './bundle-folder.js'
import { openBundle } from './open-bundle.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'servesim-profile-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const other = () => {
  const bundle = syntheticBundle()
  bundle.manifest.model = 'org/Other'
  return bundle
}

describe('writeBundle', () => {
  it('writes what readBundle reads, and nothing beside it', () => {
    const folder = join(root, 'deep', 'tiny')
    writeBundle(syntheticBundle(), folder)
    expect(readBundle(folder)).toEqual(syntheticBundle())
    expect(readdirSync(join(root, 'deep'))).toEqual(['tiny'])
  })

  it('replaces a bundle on purpose only', () => {
    const folder = join(root, 'tiny')
    writeBundle(syntheticBundle(), folder)
    expect(() => writeBundle(other(), folder)).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_FILE', path: folder }))
    expect(readBundle(folder).manifest.model).toBe('org/Tiny')
    writeBundle(other(), folder, { replace: true })
    expect(readBundle(folder).manifest.model).toBe('org/Other')
    expect(readdirSync(root)).toEqual(['tiny'])
  })

  it('killed between its renames, loses nothing', () => {
    const folder = join(root, 'tiny')
    writeBundle(syntheticBundle(), folder)
    mkdirSync(join(root, '.tiny-a1B2c3', 'new'), { recursive: true })
    renameSync(folder, join(root, '.tiny-a1B2c3', 'old'))
    recoverBundle(folder)
    expect(readBundle(folder)).toEqual(syntheticBundle())
    expect(readdirSync(root)).toEqual(['tiny'])
  })

  it('never touches a folder that is no bundle', () => {
    writeFileSync(join(root, 'thesis.txt'), 'precious')
    expect(() => writeBundle(syntheticBundle(), root, { replace: true })).toThrow(/is no bundle/)
    expect(readdirSync(root)).toEqual(['thesis.txt'])
  })
})

describe('findBundles and openBundle', () => {
  it('find every bundle of a container and open the one selected', async () => {
    writeBundle(other(), join(root, 'b', 'other'))
    writeBundle(syntheticBundle(), join(root, 'a', 'chip', 'tiny'))
    expect(findBundles(root).map(({ manifest }) => manifest.model)).toEqual(['org/Tiny', 'org/Other'])
    const opened = await openBundle(root, { model: 'tiny', tensorParallel: 2 })
    expect(opened.shards.map((shard) => shard.tensorParallel)).toEqual([2])
    await expect(openBundle(root)).rejects.toMatchObject({ code: 'SERVESIM_BAD_OPTION' })
  })

  it('open a single bundle without being told which', async () => {
    writeBundle(syntheticBundle(), join(root, 'tiny'))
    expect(await openBundle(join(root, 'tiny'))).toEqual(syntheticBundle())
  })

  it('say so where there is nothing, or no folder', async () => {
    mkdirSync(join(root, 'empty'))
    await expect(openBundle(join(root, 'empty'))).rejects.toMatchObject({ code: 'SERVESIM_BAD_BUNDLE' })
    await expect(openBundle(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'SERVESIM_BAD_FILE', path: join(root, 'nowhere') })
  })

  it('ask importers in turn', async () => {
    const importer = (name: string, recognises: boolean) => ({
      name,
      description: '',
      recognises: () => recognises,
      list: () => [],
      import: () => ({ ...syntheticBundle(), manifest: { ...syntheticBundle().manifest, device: name } }),
    })
    const opened = await openBundle(root, {}, [importer('first', false), importer('second', true), importer('third', true)])
    expect(opened.manifest.device).toBe('second')
  })
})
