import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createSimulation, type SimulationInput } from '@servesim/core'
import { afterAll, expect, test } from 'vitest'
import { servesim, temporaryFolder, writeFiles } from '../../test/command.js'
import { prepareReplay } from '../validate/validate-run.js'
import type { Calibration } from './calibration.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

const meta = { model: 'meta-llama/Llama-3.1-8B', vllm_version: '0.19.0', device: 'h100-sxm', engine_kwargs: { max_num_seqs: 32 } }

/** A server that is a simulation with other constants: what the fit has to find again. */
async function record(name: string, techniques: readonly Record<string, unknown>[]): Promise<void> {
  const drawn = Array.from({ length: 90 }, (_, i) => ({
    request_id: `r-${i}`,
    input_toks: 200 + ((i * 97) % 1500),
    output_toks: 20 + ((i * 31) % 150),
    arrival_time: 100 + i * 0.15 + ((i * 7) % 5) * 0.05,
  }))
  const lines = (times: (i: number) => object) => drawn.map((request, i) => JSON.stringify({ ...request, ...times(i) })).join('\n')
  writeFiles(join(cwd, name), {
    'vllm/meta.json': meta,
    'vllm/requests.jsonl': lines(() => ({ queued_ts: 1, first_token_ts: 2, last_token_ts: 3 })),
  })
  const { scenario, plugins } = await prepareReplay(name, { cwd })
  const [pool] = scenario.pools as [{ techniques: { use: string }[] }]
  const others = pool.techniques.filter(({ use }) => !techniques.some((one) => one.use === use))
  const served = { ...scenario, pools: [{ ...pool, techniques: [...others, ...techniques] }], plugins }
  const simulation = createSimulation(served as unknown as SimulationInput)
  simulation.run()
  const { requests } = simulation.results
  const at = (column: 'arrivalIndex' | 'queuedNs' | 'firstTokenNs' | 'lastTokenNs') => requests.column(column)
  const order = drawn.map((_, i) => i).sort((a, b) => drawn[a]!.arrival_time - drawn[b]!.arrival_time)
  const rowOf = new Map(Array.from(at('arrivalIndex'), (arrival, row) => [order[arrival]!, row]))
  writeFiles(join(cwd, name), {
    'vllm/requests.jsonl': lines((i) => {
      const row = rowOf.get(i)!
      return {
        queued_ts: at('queuedNs')[row]! / 1e9,
        first_token_ts: at('firstTokenNs')[row]! / 1e9,
        last_token_ts: at('lastTokenNs')[row]! / 1e9,
      }
    }),
  })
}

test('finds the constants of a server again, holds a third out, and run takes what it writes', { timeout: 60_000 }, async () => {
  await record('server', [
    { use: 'host-time', decodeStepMs: 0.2, mixedStepMs: 12 },
    { use: 'device-efficiency', operatorFactor: 1.25, attentionFactor: 0.8 },
  ])
  const { code, stdout, stderr } = await servesim(cwd, 'calibrate', 'server', '-o', 'fit.json')
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('Held out: every third request')
  const { fit, techniques } = JSON.parse(readFileSync(join(cwd, 'fit.json'), 'utf8')) as Calibration
  expect(fit).toMatchObject({ requests: 60, heldOutRequests: 30 })
  expect(fit.beforePct.fitted).toBeGreaterThan(8)
  expect(fit.errorPct.fitted).toBeLessThan(1)
  expect(fit.errorPct.heldOut).toBeLessThan(1.5)
  const efficiency = techniques.find(({ use }) => use === 'device-efficiency')!
  expect(efficiency.operatorFactor as number).toBeCloseTo(1.25, 1)
  const run = await servesim(cwd, 'run', '--device', 'h100', '--calibration', 'fit.json', '--requests', '20')
  expect(run.code, run.stderr).toBe(0)
  expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain('calibrated on 1 recorded run, mean error')
})

test('a calibration that does not state its error is none', async () => {
  const { fit: _, ...without } = JSON.parse(readFileSync(join(cwd, 'fit.json'), 'utf8')) as Calibration
  writeFiles(cwd, { 'without.json': without, 'other.json': { hello: 1 } })
  const refused = await servesim(cwd, 'run', '--calibration', 'without.json')
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('A calibration without its error is none') })
  expect((await servesim(cwd, 'run', '--calibration', 'other.json')).code).toBe(2)
  expect((await servesim(cwd, 'run', '--calibration', 'nothing.json')).stderr).toContain('It cannot be read')
})
