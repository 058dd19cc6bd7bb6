import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { validatePoints } from '../src/points/validate-points.js'

const data = `${process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))}/aiconfigurator`
const csv = `${data}/silicon_dev.csv`
if (!existsSync(csv)) console.warn(`The silicon set is skipped: ${csv} is not there; SERVESIM_DATA names its folder.`)

// Needs the silicon set and the operator tables of NVIDIA AIConfigurator at SERVESIM_DATA.
describe.skipIf(!existsSync(csv))('measured serving points of vLLM', () => {
  test('are met better than by AIConfigurator: core rows 35 and 10 %, all clean aggregate rows 37 and 21 %', async () => {
    const { groups, rows } = await validatePoints(csv, { cwd: '.', tables: data, engine: 'vllm' })
    const group = (name: string) => groups.find((one) => one.name === name)!
    expect(group('core').rows - group('core').refused).toBeGreaterThan(40)
    expect(group('core').ttft!.mean).toBeLessThan(22)
    expect(group('core').tpot!.mean).toBeLessThan(6)
    expect(group('all').ttft!.mean).toBeLessThan(32)
    expect(group('all').tpot!.mean).toBeLessThan(17)
    for (const { refused, ttftMs } of rows) expect(refused === null).toBe(ttftMs !== null)
  })
})
