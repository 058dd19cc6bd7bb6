import { describe, expect, it } from 'vitest'
import { formatBundle, parseBundle } from './bundle-files.js'
import { syntheticBundle } from './synthetic.fixture.js'

const files = formatBundle(syntheticBundle())
const parse = (changes: Record<string, string | undefined> = {}, tensorParallel?: number) => {
  const all: Record<string, string | undefined> = { ...files, ...changes }
  return parseBundle((file) => all[file], 'b', tensorParallel)
}
const manifestWith = (changes: object) => ({ 'bundle.json': JSON.stringify({ ...JSON.parse(files['bundle.json']!), ...changes }) })

describe('parseBundle', () => {
  it('reads what formatBundle wrote', () => {
    expect(parse()).toEqual(syntheticBundle())
  })

  it('writes what it read, byte for byte', () => {
    expect(formatBundle(parse())).toEqual(files)
  })

  it('reads one degree alone and says so in the manifest', () => {
    const bundle = parse({ 'tp1/attention.csv': undefined }, 2)
    expect(bundle.shards.map((shard) => shard.tensorParallel)).toEqual([2])
    expect(bundle.manifest.tensorParallel).toEqual([2])
    expect(bundle.moe).toBeDefined()
  })

  it('fills what an older or terser manifest leaves out', () => {
    const { notes: _n, straggler: _s, software: _w, kvCacheDtype: _k, ...terse } = JSON.parse(files['bundle.json']!)
    const { manifest } = parse({ 'bundle.json': JSON.stringify(terse) })
    expect(manifest).toMatchObject({ notes: [], straggler: { enabled: false }, software: {}, kvCacheDtype: 'auto' })
  })

  it.each([
    ['no manifest', { 'bundle.json': undefined }, 'b/bundle.json', /missing/],
    ['half a manifest', { 'bundle.json': files['bundle.json']!.slice(0, 80) }, 'b/bundle.json', /no valid JSON/],
    ['a manifest that is a list', { 'bundle.json': '[]' }, 'b/bundle.json', /./],
    [
      'a newer format',
      manifestWith({ schemaVersion: 2 }),
      'b/bundle.json.schemaVersion',
      /version 2; this release of servesim reads up to 1/,
    ],
    ['no model', manifestWith({ model: undefined }), 'b/bundle.json.model', /./],
    ['an unknown unit', manifestWith({ units: { latency: 'ms' } }), 'b/bundle.json.units.latency', /./],
    ['a fractional degree', manifestWith({ tensorParallel: [1.5] }), 'b/bundle.json.tensorParallel.0', /./],
    ['no attention table', { 'tp2/attention.csv': undefined }, 'b/tp2/attention.csv', /missing/],
    [
      'a table that lost its last row',
      { 'tp1/tokens.csv': files['tp1/tokens.csv']!.replace(/[^\n]*\n$/, '') },
      'b/tp1/tokens.csv',
      /5 rows; bundle.json says 6/,
    ],
    ['a table cut off in a line', { 'moe.csv': files['moe.csv']!.slice(0, -3) }, 'b/moe.csv:5', /cut off/],
    [
      'an unknown collective',
      { 'collectives.csv': files['collectives.csv']!.replace('all-gather', 'gossip') },
      'b/collectives.csv:4',
      /"gossip"/,
    ],
  ])('refuses %s, naming the place', (_, changes, path, message) => {
    expect(() => parse(changes)).toThrow(
      expect.objectContaining({ code: 'SERVESIM_BAD_BUNDLE', path, message: expect.stringMatching(message) }),
    )
  })

  it('refuses a degree that was not measured, naming those that were', () => {
    expect(() => parse({}, 4)).toThrow(
      expect.objectContaining({ code: 'SERVESIM_CAPABILITY_MISMATCH', message: expect.stringContaining('expected 1 or 2') }),
    )
  })
})
