import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { workspacePackages } from '../../../scripts/workspace-packages.mjs'
import { codeBlocks } from './markdown.js'
import { root } from './workspace.js'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const packages = workspacePackages(root)

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`),
  ...packages.map(({ folder }) => `${folder}/README.md`).filter((path) => existsSync(join(root, path))),
]

/** Targets of the links of a page, without those in its code. */
function linksOf(page: string): string[] {
  const lines = read(page).split('\n')
  for (const { from, to } of codeBlocks(read(page))) lines.fill('', from, to)
  return [...lines.join('\n').matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!)
}

describe.each(pages)('%s', (page) => {
  test('its links into the repository lead somewhere', () => {
    const broken = linksOf(page)
      .filter((target) => !/^(https?:|#)/.test(target))
      .filter((target) => !existsSync(join(root, dirname(page), target.split('#')[0]!)))
    expect(broken).toEqual([])
  })
})

test('the life of a request names every file of the engine', () => {
  const text = read('docs/life-of-a-request.md')
  const files = readdirSync(join(root, 'packages/core/src')).filter((name) => name.endsWith('.ts') && !/[.](test|fixture)[.]ts$/.test(name))
  expect(files.filter((file) => !text.includes(`| \`${file}\` |`))).toEqual([])
})

test('the engine’s README names every extension point', () => {
  const text = read('packages/core/README.md')
  const sources = readdirSync(join(root, 'packages/core/src/points')).map((file) => read(`packages/core/src/points/${file}`))
  const names = sources.flatMap((source) => [...source.matchAll(/export const (\w+) = definePoint/g)].map((match) => match[1]!))
  expect(names.length).toBeGreaterThan(8)
  expect(names.filter((name) => !text.includes(`| \`${name}\` |`))).toEqual([])
})

test('the page of points has each with its contract, cardinality and scope, and a policy in at most 40 lines', () => {
  const text = read('docs/points.md')
  const sources = readdirSync(join(root, 'packages/core/src/points')).map((file) => read(`packages/core/src/points/${file}`))
  const points = sources.flatMap((source) => [
    ...source.matchAll(
      /export const (\w+) = definePoint[^(]*\(\{\s*id: '[^']+',\s*contract: (\d+),\s*cardinality: '(\w+)',\s*scope: '(\w+)'/g,
    ),
  ])
  expect(points.length).toBeGreaterThan(18)
  const rows = points.map(([, name, contract, cardinality, scope]) => `| \`${name}\` | ${contract} | ${cardinality} · ${scope} |`)
  expect(rows.filter((row) => !text.includes(row))).toEqual([])
  const samples = codeBlocks(text).filter(({ info }) => info === 'ts')
  expect(samples).toHaveLength(5)
  for (const sample of samples) expect(sample.text.trimEnd().split('\n').length).toBeLessThanOrEqual(40)
})

test('the README’s table holds every published package', () => {
  const text = read('README.md')
  const published = packages.filter(({ manifest }) => !manifest.private)
  expect(published.map(({ folder }) => folder).filter((folder) => !text.includes(`(${folder})`))).toEqual([])
})
