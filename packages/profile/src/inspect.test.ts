import { describe, expect, it } from 'vitest'
import { inspectBundle } from './inspect.js'
import { samplesOf, syntheticBundle } from './synthetic.fixture.js'

describe('inspectBundle', () => {
  it('lists tables with rows, operators and ranges', () => {
    const { tables, warnings } = inspectBundle(syntheticBundle())
    expect(tables.map((table) => [table.name, table.rows])).toEqual([
      ['tp1/tokens.csv', 6],
      ['tp1/sequences.csv', 3],
      ['tp1/attention.csv', 34],
      ['tp2/tokens.csv', 6],
      ['tp2/sequences.csv', 3],
      ['tp2/attention.csv', 34],
      ['moe.csv', 4],
      ['collectives.csv', 3],
    ])
    expect(tables[0]).toMatchObject({ operators: ['qkv_proj', 'layernorm'], axes: [{ name: 'tokens', values: 3, min: 1, max: 64 }] })
    expect(tables[2]!.axes[1]).toEqual({ name: 'context', values: 3, min: 0, max: 1024 })
    expect(warnings).toEqual([])
  })

  it('warns of drops, of decodes measured alone only, and of missing collectives', () => {
    const bundle = syntheticBundle()
    bundle.collectives = []
    bundle.shards[0]!.tokens[0]!.latencyUs[2] = 1
    bundle.shards[1]!.attention = samplesOf([
      [0, 0, 1, 16],
      [0, 0, 8, 16],
      [16, 0, 0, 0],
      [16, 0, 1, 16],
    ])
    expect(inspectBundle(bundle).warnings).toEqual([
      'tp1/tokens.csv: qkv_proj is 83 % faster with 64 tokens than with 8.',
      'tp2/attention.csv: decodes were measured up to 8 alone and up to 1 beside a prefill chunk; beyond, mixed steps are extrapolated.',
      'The bundle has degrees above 1 and no collectives: the network prices them.',
    ])
  })
})
