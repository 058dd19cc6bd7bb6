import { Registry } from '@servesim/core'
import { describe, expect, test } from 'vitest'
import { toyScenario, toys } from '../test/toy-plugins.js'
import { assign, parseAssignment, parseAssignments, readValue } from './assignments.js'

const registry = new Registry([toys])
const set = (text: string) => assign(toyScenario, parseAssignment(text), registry) as Record<string, never>

describe('--set', () => {
  test('reads a value as the option wants it', () => {
    expect(set('pools[0].scheduler.release=0.28')).toMatchObject({ pools: [{ scheduler: { release: '0.28' } }] })
    expect(set('pools[0].scheduler.maxNumSeqs=64')).toMatchObject({ pools: [{ scheduler: { maxNumSeqs: 64 } }] })
    expect(set('router.label=7')).toMatchObject({ router: { label: '7' } })
    expect(set('pools[0].techniques[0].size=2')).toMatchObject({ pools: [{ techniques: [{ use: 'toy-cache', size: 2 }] }] })
    expect(set('workload.lengths.mean=2')).toMatchObject({ workload: { lengths: { mean: 2 } } })
    expect(set('seed=7')).toMatchObject({ seed: 7 })
    expect(set('name=7')).toMatchObject({ name: '7' })
  })

  test('makes room for options of a device that is named by its name alone', () => {
    expect(set('pools[0].device.bundle=x')).toMatchObject({ pools: [{ device: { use: 'toy-1', bundle: 'x' } }] })
    expect(set('pools[0].device=toy-2')).toMatchObject({ pools: [{ device: 'toy-2' }] })
  })

  test('device.… is the device of every pool: a figure of its chip, by any of its names, or an option', () => {
    const all = parseAssignments('device.hbmBandwidth=2x,device.interconnect=900GB/s, device.bundle=x')
    const changed = all.reduce<unknown>((scenario, assignment) => assign(scenario, assignment, registry), toyScenario)
    expect(changed).toMatchObject({
      pools: [{ device: { use: 'toy-1', bundle: 'x', figures: { memoryBytesPerSecond: '2x', linkBytesPerSecond: '900GB/s' } } }],
    })
    expect(() => set('device.hbmBandwith=2x')).toThrow(expect.objectContaining({ hint: expect.stringContaining('hbmBandwidth') }))
  })

  test('a comma separates settings only where another path follows', () => {
    expect(parseAssignments('a=[1,2],b="x,y=1"').map(({ text }) => text)).toEqual(['[1,2]', '"x,y=1"'])
    expect(parseAssignments('a=1,2').map(({ text }) => text)).toEqual(['1,2'])
  })

  test('keeps a value that fits nothing, for the build to refuse', () => {
    expect(set('pools[0].scheduler.maxNumSeqs=many')).toMatchObject({ pools: [{ scheduler: { maxNumSeqs: 'many' } }] })
    expect(set('nowhere.at.all=1')).toMatchObject({ nowhere: { at: { all: 1 } } })
  })

  test('without = is refused', () =>
    expect(() => parseAssignment('seed')).toThrow(expect.objectContaining({ code: 'SERVESIM_BAD_OPTION' })))

  test('JSON is JSON, anything else is text', () => {
    expect(['1', 'true', '[1,2]', '{"a":1}', 'null', 'text', '1x', ''].map((text) => readValue(text))).toEqual([
      1,
      true,
      [1, 2],
      { a: 1 },
      null,
      'text',
      '1x',
      '',
    ])
  })
})
