import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { RequestDraft, Workload, WorkloadContext } from '@servesim/core'
import { createRandomSource, parseOptions, Registry, workload } from '@servesim/core'
import { afterAll, describe, expect, test } from 'vitest'
import { servesim, temporaryFolder, writeFiles } from '../../test/command.js'
import { benchmarkClient, type ClientTimes, frontEnd, outsideMs } from './benchmark-client.js'
import { layoutOf } from './layout.js'
import { protocolOf, releaseOf } from './protocol.js'
import { readSiliconRows, type SiliconRow } from './silicon-csv.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

const columns =
  'id,silicon_data_source,backend,backend_version,model_path,system,mode,isl,osl,gemm_quant_mode,moe_quant_mode,batch_size,tp_size,pp_size,attention_dp_size,moe_tp_size,moe_ep_size,silicon_ttft_ms,silicon_tpot_ms'

function csv(name: string, ...lines: string[]): string {
  writeFiles(cwd, { [name]: [columns, ...lines].join('\n') })
  return join(cwd, name)
}

const line = 'a,"source_file=2026-04-06.csv; silicon_concurrency=64, x",vllm,0.19.0,acme/M,h100_sxm,agg,1024,512,fp8,fp8,8,4,1,,0,,100,10'

function rowOf(changes: Partial<SiliconRow> = {}): SiliconRow {
  const [row] = readSiliconRows(csv('row.csv', line))
  return { ...row!, ...changes }
}

describe('rows of the silicon set', () => {
  test('are read with quoted fields, and sizes that are empty or 0 are 1', () => {
    expect(rowOf()).toMatchObject({
      source: 'source_file=2026-04-06.csv; silicon_concurrency=64, x',
      tensor: 4,
      attentionData: 1,
      moeTensor: 1,
      tpotMs: 10,
    })
  })

  test.each([
    ['no-column.csv', 'id,mode\na,agg', /model_path, system/],
    ['bad-figure.csv', `${columns}\n${line.replace(',100,10', ',-1,10')}`, /bad-figure.csv:2.*|silicon_ttft_ms is "-1"/],
    ['cut.csv', `${columns}\na,b`, /2 fields, the header 19/],
    ['empty.csv', `${columns}\n`, /no row/],
  ])('%s is an error that says where and what', (name, content, message) => {
    writeFiles(cwd, { [name]: content })
    expect(() => readSiliconRows(join(cwd, name))).toThrow(message)
  })
})

describe('the layout of a row', () => {
  test('is as the columns say where they agree', () => {
    expect(layoutOf(rowOf({ moeTensor: 4 }), true)).toEqual({ tensor: 4, attentionData: 1, expert: 1, concurrency: 64 })
    expect(layoutOf(rowOf(), false)).toEqual({ tensor: 4, attentionData: 1, expert: 1, concurrency: 64 })
    expect(layoutOf(rowOf({ tensor: 2, attentionData: 2, moeExpert: 4 }), true)).toMatchObject({ tensor: 2, attentionData: 2, expert: 4 })
  })

  test('is read from what eight devices allow where tensor and expert ranks were multiplied', () => {
    expect(layoutOf(rowOf({ tensor: 64, moeTensor: 8, moeExpert: 8 }), true)).toMatchObject({ tensor: 8, attentionData: 1, expert: 8 })
    expect(layoutOf(rowOf({ tensor: 4, attentionData: 4, moeExpert: 16 }), true)).toMatchObject({ tensor: 1, attentionData: 4, expert: 4 })
    expect(layoutOf(rowOf({ tensor: 1, attentionData: 64, moeExpert: 64 }), true)).toMatchObject({ tensor: 1, attentionData: 8, expert: 8 })
  })

  test.each([
    [{ pipeline: 2 }, /pipeline/],
    [{ moeTensor: 2 }, /4 × 1 attention ranks, 2 × 1 of experts/],
    [{ moeTensor: 2, moeExpert: 2 }, /both cut and spread/],
    [{ tensor: 1, attentionData: 4, moeTensor: 4 }, /cut over data-parallel/],
  ])('is refused where it cannot be simulated: %j', (changes, why) => {
    expect(layoutOf(rowOf(changes), true)).toMatch(why)
  })
})

describe('the protocol of a row', () => {
  test('is InferenceX’s where its dumps are the source', () => {
    expect(protocolOf(rowOf(), 64)).toMatchObject({
      group: 'InferenceX',
      promptTokens: { uniform: [819, 1024] },
      outputTokens: { uniform: [410, 512] },
      requests: 640,
      asyncScheduling: true,
      kvCacheDtype: 'auto',
    })
    expect(protocolOf(rowOf({ system: 'b200_sxm' }), 64).kvCacheDtype).toBe('fp8')
  })

  test('is assumed around the nominal lengths elsewhere, and steps are formed ahead from 0.14', () => {
    const other = protocolOf(rowOf({ source: 'someone.csv', version: '0.12.0' }), 8)
    expect(other).toMatchObject({ group: 'other', promptTokens: { uniform: [922, 1126] }, asyncScheduling: false, requests: 80 })
    expect(releaseOf(rowOf({ version: 'v0.12.0' }))).toBe('0.12.0')
    expect(releaseOf(rowOf({ version: 'nightly-1' }))).toBeUndefined()
  })
})

test('requests of a burst reach the engine one after the other, and an answer takes its way back', () => {
  const times: ClientTimes = { inMs: 0, requests: 0 }
  const provider = new Registry([benchmarkClient(times)]).named(workload, 'benchmark-client', 'workload')
  const options = parseOptions(provider.options, { concurrency: 2, requestCount: 3, promptTokens: 1000, outputTokens: 1 }, 'workload')
  const client: Workload = provider.build(options, { random: createRandomSource(0), blockSizeTokens: 16 } as WorkloadContext)
  const draft = { arrivalNs: 0 } as RequestDraft
  const arrivals: number[] = []
  while (client.next(draft) === 1) arrivals.push(draft.arrivalNs / 1e6)
  const each = frontEnd.handOverMs + 1000 * frontEnd.encodeMsPerToken
  expect(arrivals).toEqual([frontEnd.companyMs + each, frontEnd.companyMs + 2 * each])
  client.onEnd?.(0, 50e6)
  expect(client.next(draft)).toBe(1)
  expect(draft.arrivalNs / 1e6).toBeCloseTo(50 + frontEnd.backMs + frontEnd.companyMs + each, 6)
  expect(outsideMs(times)).toBeCloseTo((3 * frontEnd.companyMs + 4 * each) / 3 + frontEnd.backMs, 6)
})

describe('servesim validate points', () => {
  test('says that there are no tables, or which flag is missing', async () => {
    const path = csv('points.csv', line)
    const none = await servesim(cwd, 'validate', 'points', path, '--tables', cwd)
    expect(none.code).not.toBe(0)
    expect(none.stderr).toMatch(/No system’s tables lie here/)
    expect((await servesim(cwd, 'validate', 'points', path)).stderr).toMatch(/--tables/)
  })
})
