import { Registry } from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { toyScenario, toys } from '../test/toy-plugins.js'
import { applyUse, parseUse, withoutTechnique } from './use.js'

const registry = new Registry([toys])
const use = (text: string, scenario: unknown = toyScenario) => applyUse(scenario, parseUse(text), registry)

describe('--use', () => {
  test('puts a name where it lives', () => {
    expect(use('toy-router:waitingWeight=2,label=x')).toMatchObject({ router: { use: 'toy-router', waitingWeight: 2, label: 'x' } })
    expect(use('toy-load:lengths.mean=3')).toMatchObject({ workload: { use: 'toy-load', lengths: { mean: 3 } } })
    expect(use('toy-network')).toMatchObject({ pools: [{ network: { use: 'toy-network' } }] })
    expect(use('TOY1')).toMatchObject({ pools: [{ device: { use: 'toy-1' } }] })
  })

  test('a technique takes the place of itself, or comes last', () => {
    expect(use('toy-cache:size=9')).toMatchObject({ pools: [{ techniques: [{ use: 'toy-cache', size: 9 }] }] })
    const two = { ...toyScenario, pools: [{ techniques: [{ use: 'other' }] }, {}] }
    expect(use('toy-cache', two)).toMatchObject({
      pools: [{ techniques: [{ use: 'other' }, { use: 'toy-cache' }] }, { techniques: [{ use: 'toy-cache' }] }],
    })
  })

  test('a comma inside brackets or quotes separates nothing', () => {
    expect(parseUse('x:a=[1,2],b={"c":1,"d":2},e="f,g"').options).toEqual([
      { key: 'a', text: '[1,2]' },
      { key: 'b', text: '{"c":1,"d":2}' },
      { key: 'e', text: '"f,g"' },
    ])
  })

  test('an unknown name lists near matches', () => {
    expect(() => use('toy-ruter')).toThrow(
      expect.objectContaining({ code: 'SERVESIM_UNKNOWN_NAME', hint: expect.stringContaining('toy-router') }),
    )
  })

  test.each(['', ':a=1', 'x:a', 'x:=1'])('%j is refused', (text) =>
    expect(() => parseUse(text)).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_OPTION' })),
  )

  test('a technique can be taken out of every pool', () => {
    expect(withoutTechnique(toyScenario, 'toy-cache')).toMatchObject({ pools: [{ techniques: [] }] })
    expect(withoutTechnique({ pools: 3 }, 'toy-cache')).toEqual({ pools: 3 })
  })
})
