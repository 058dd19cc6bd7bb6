import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createModel, parseModelConfig } from '@servesim/models'
import { leftOutPoints } from '@servesim/profile'
import { readBundle } from '@servesim/profile/node'
import { afterAll, describe, expect, test } from 'vitest'
import { faulty, requestFor, temporaryFolder, tinyConfig } from '../test/support.js'
import { profile } from './profile.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

const journal = (name: string) => join(cwd, `${name}.profiling`, 'journal.jsonl')
const linesOf = (file: string) => readFileSync(file, 'utf8').trim().split('\n').length

describe('a made-up chip with a known law', () => {
  test('becomes a bundle whose own interpolation is within 2 % in the median', async () => {
    const output = join(cwd, 'plain')
    const result = (await profile(requestFor(output)))!
    expect(result.error.medianPct).toBeLessThan(2)
    expect(result.skipped).toEqual([])
    expect(existsSync(`${output}.profiling`)).toBe(false)
    const bundle = readBundle(output)
    expect(bundle.manifest).toMatchObject({
      device: 'acme-1',
      deviceName: 'Acme One',
      model: 'tiny-llama',
      dtype: 'bf16',
      engine: { name: 'acme', release: '1.0' },
      chip: { vendor: 'Acme', memoryBytes: 48e9 },
      modelConfig: tinyConfig,
      gemmTileRows: 0,
      measurementIterations: 5,
    })
    // The law itself, within its scatter of ±0.5 %.
    const qkv = bundle.shards[0]!.tokens.find(({ operator }) => operator === 'qkv_proj')!
    qkv.rows.forEach((rows, i) => {
      const us = 3 + Math.max((2 * rows * 512 * 256) / 4e8, (2 * (512 * 256 + rows * 768)) / 2e6)
      expect(qkv.latencyUs[i]! / us).toBeCloseTo(1, 2)
    })
    expect(linesOf(join(output, 'measurements.jsonl'))).toBe(1 + result.measured)
  })

  test('is refined where left-out points are predicted badly, and nowhere else', async () => {
    const [coarse, fine] = [join(cwd, 'coarse'), join(cwd, 'fine')]
    const limits = { maxBatchedTokens: 512, maxSequences: 16, maxContext: 2048 }
    const plan = (await profile(requestFor(coarse, { limits, targetErrorPct: 1000 })))!
    const refined = (await profile(requestFor(fine, { limits, targetErrorPct: 2 })))!
    expect(refined.measured).toBeGreaterThan(plan.measured)
    const off = (folder: string) => leftOutPoints(readBundle(folder)).filter(({ errorPct }) => Math.abs(errorPct) > 5).length
    expect(off(fine)).toBeLessThan(off(coarse))
    // A part of this chip waits for the longest sequence.
    expect(readBundle(fine).manifest.notes.join(' ')).toMatch(/unequal contexts take 1\.\d+ times as long/)
  })

  test('measures experts, degrees and collectives', async () => {
    const config = {
      ...tinyConfig,
      model_type: 'qwen3_moe',
      num_experts: 8,
      num_experts_per_tok: 2,
      moe_intermediate_size: 64,
    }
    const output = join(cwd, 'experts')
    const model = createModel('tiny-moe', parseModelConfig(config, 'model'))
    await profile(requestFor(output, { model, tensorParallel: [1, 2], targetErrorPct: 50 }))
    const bundle = readBundle(output)
    expect(bundle.shards.map((shard) => shard.tensorParallel)).toEqual([1, 2])
    expect(Math.max(...bundle.moe!.activatedExperts)).toBe(8)
    expect(bundle.collectives.map(({ collective, ranks }) => `${collective} ${ranks}`)).toEqual(['all-reduce 2', 'all-gather 2'])
    // The norm is the same at both degrees: it was measured once.
    const keys = readFileSync(join(output, 'measurements.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"name":"layernorm (rows 1)"'))
    expect(keys).toHaveLength(1)
  })
})

describe('a probe that fails', () => {
  test.each([
    ['crash', 'It ended with exit code 3', 'Segmentation fault'],
    ['garbage', 'It printed "warming up the chip …", which is no JSON', 'stdout'],
    ['flood', 'a megabyte without a line end', ''],
    ['negative', 'a time of -4 µs', 'microseconds'],
    ['zero', 'a time of 0 µs', ''],
    ['nothing', 'us.0', ''],
    ['slow', 'more than a quarter of an hour', ''],
    ['fast', 'faster than any chip', ''],
    ['few', 'It gave 1 times where 5 were asked', ''],
    ['stranger', 'It answered request 999999', ''],
    ['half', 'in the middle of a message', ''],
  ])('by %s is named, and the next run goes on where it stopped', async (fault, sentence, hint) => {
    const output = join(cwd, fault)
    const { stop, measured } = await failing(output, fault)
    expect(stop.code).toBe('SERVESIM_PROBE_FAILED')
    expect(stop.message).toContain(sentence)
    expect(stop.hint).toContain(hint)
    expect(existsSync(output)).toBe(false)
    expect(linesOf(journal(fault))).toBe(1 + measured)
    const second = (await profile(requestFor(output, { targetErrorPct: 1000 })))!
    expect(second.resumed).toBe(measured)
    expect(readBundle(output).shards).toHaveLength(1)
  })

  test('by hanging is ended after the timeout, with all that it started', async () => {
    const request = requestFor(join(cwd, 'hang'), { probe: faulty('hang', 'o_proj'), timeouts: { helloMs: 20_000, measureMs: 300 } })
    await expect(profile(request)).rejects.toMatchObject({
      code: 'SERVESIM_PROBE_FAILED',
      message: expect.stringContaining('within 0.3 s'),
    })
    expect(linesOf(journal('hang'))).toBeGreaterThan(1)
  })

  test('once is started again, and nothing is lost', async () => {
    const notes: string[] = []
    const probe = faulty('crash', 'o_proj', join(cwd, 'crashed-once'))
    const result = (await profile(requestFor(join(cwd, 'once'), { probe, targetErrorPct: 1000, onNote: (note) => notes.push(note) })))!
    expect(result.skipped).toEqual([])
    expect(notes).toHaveLength(1)
    expect(notes[0]).toContain('exit code 3')
  })

  test('for want of memory leaves that point out and says so in the bundle', async () => {
    const result = (await profile(
      requestFor(join(cwd, 'memory'), { probe: faulty('memory', 'o_proj', join(cwd, 'full-once')), targetErrorPct: 1000 }),
    ))!
    expect(result.skipped).toHaveLength(1)
    expect(readBundle(join(cwd, 'memory')).manifest.notes.join(' ')).toContain('no room for the KV cache')
  })

  test('at a point again and again is left out with --skip-faulty, unless no bundle can do without', async () => {
    const result = await profile(
      requestFor(join(cwd, 'skip'), { probe: faulty('zero', 'rotary_emb'), skipFaulty: true, targetErrorPct: 1000 }),
    )
    expect(result!.skipped.map(({ name }) => name)).toContain('rotary_emb (rows 64)')
    const request = requestFor(join(cwd, 'needed'), { probe: faulty('zero', 'o_proj'), skipFaulty: true, targetErrorPct: 1000 })
    await expect(profile(request)).rejects.toMatchObject({ code: 'SERVESIM_BAD_BUNDLE', message: expect.stringContaining('o_proj') })
    expect(existsSync(join(cwd, 'needed'))).toBe(false)
  })

  test('to start, or that speaks another protocol, is an error at once', async () => {
    const missing = requestFor(join(cwd, 'missing'), { probe: { command: join(cwd, 'no-such-program'), args: [] } })
    await expect(profile(missing)).rejects.toMatchObject({ message: expect.stringContaining('could not be started') })
    const silent = requestFor(join(cwd, 'silent'), { probe: { command: process.execPath, args: ['-e', ''] } })
    await expect(profile(silent)).rejects.toMatchObject({ message: expect.stringContaining('exit code 0') })
    const script =
      'console.log(JSON.stringify({type:"hello",protocol:9,probe:{name:"x",release:"1"},device:{name:"x"},dtypes:["bf16"],operators:["gemm"]}))'
    const newer = requestFor(join(cwd, 'newer'), { probe: { command: process.execPath, args: ['-e', `${script};setTimeout(()=>{},1e6)`] } })
    await expect(profile(newer)).rejects.toMatchObject({ message: expect.stringContaining('version 9 of the protocol') })
  })
})

describe('the output folder', () => {
  test('is refused before anything is measured where something lies there', async () => {
    mkdirSync(join(cwd, 'other'))
    writeFileSync(join(cwd, 'other', 'thesis.txt'), '')
    await expect(profile(requestFor(join(cwd, 'other'), { replace: true }))).rejects.toMatchObject({ code: 'SERVESIM_BAD_FILE' })
    await expect(profile(requestFor(join(cwd, 'plain')))).rejects.toMatchObject({ message: 'A bundle lies here already.' })
  })

  test('keeps a good bundle until a better one is whole', async () => {
    const before = readFileSync(join(cwd, 'plain', 'bundle.json'), 'utf8')
    const broken = requestFor(join(cwd, 'plain'), { replace: true, probe: faulty('negative', 'o_proj') })
    await expect(profile(broken)).rejects.toMatchObject({ code: 'SERVESIM_PROBE_FAILED' })
    expect(readFileSync(join(cwd, 'plain', 'bundle.json'), 'utf8')).toBe(before)
    await profile(requestFor(join(cwd, 'plain'), { replace: true, targetErrorPct: 1000 }))
    expect(readFileSync(join(cwd, 'plain', 'bundle.json'), 'utf8')).not.toBe(before)
    expect(readdirSync(cwd).filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('of a newer release is not replaced', async () => {
    mkdirSync(join(cwd, 'newer-bundle'))
    writeFileSync(join(cwd, 'newer-bundle', 'bundle.json'), '{"schemaVersion":2}')
    await expect(profile(requestFor(join(cwd, 'newer-bundle'), { replace: true }))).rejects.toMatchObject({
      message: expect.stringContaining('has format version 2'),
    })
  })

  test('is one profiler’s at a time; a dead one’s lock is taken over', async () => {
    const output = join(cwd, 'two')
    const first = profile(requestFor(output, { targetErrorPct: 1000 }))
    await expect(profile(requestFor(output))).rejects.toMatchObject({
      message: expect.stringContaining('Another profiler works on this folder'),
    })
    await first
    mkdirSync(join(cwd, 'dead.profiling'))
    writeFileSync(join(cwd, 'dead.profiling', 'lock'), '{"pid":4194303,"startedTicks":"1","host":"')
    await profile(requestFor(join(cwd, 'dead'), { targetErrorPct: 1000 }))
    expect(existsSync(join(cwd, 'dead.profiling'))).toBe(false)
  })

  test('does not mix two devices or models', async () => {
    await failing(join(cwd, 'mixed'), 'zero')
    await expect(profile(requestFor(join(cwd, 'mixed'), { device: 'acme-2' }))).rejects.toMatchObject({
      message: 'It belongs to another profile: device was "acme-1" and is "acme-2" now.',
    })
    await profile(requestFor(join(cwd, 'mixed'), { device: 'acme-2', fresh: true, targetErrorPct: 1000 }))
  })

  test('of an interrupted run survives a torn last line', async () => {
    const { measured } = await failing(join(cwd, 'torn'), 'zero')
    writeFileSync(journal('torn'), `${readFileSync(journal('torn'), 'utf8')}{"point":"cut o`)
    expect((await profile(requestFor(join(cwd, 'torn'), { targetErrorPct: 1000 })))!.resumed).toBe(measured)
  })
})

test('a budget ends refinement, and a plan that it cuts short goes on', async () => {
  const cut = requestFor(join(cwd, 'budget'), { budgetMs: 1 })
  await expect(profile(cut)).rejects.toMatchObject({
    path: '--budget',
    message: expect.stringMatching(/ended with \d+ of \d+ planned points/),
  })
  expect((await profile(requestFor(join(cwd, 'budget'), { targetErrorPct: 1000 })))!.measured).toBeGreaterThan(0)
})

test('stops when asked, and keeps what it has', async () => {
  const stop = new AbortController()
  const output = join(cwd, 'stopped')
  const result = await profile(requestFor(output, { signal: stop.signal, onProgress: ({ done }) => void (done === 30 && stop.abort()) }))
  expect(result).toBeUndefined()
  expect((await profile(requestFor(output, { targetErrorPct: 1000 })))!.resumed).toBeGreaterThan(20)
})

test('a probe that lacks a needed operator or the element type is refused', async () => {
  const asked = profile(requestFor(join(cwd, 'dtype'), { dtype: 'fp8' }))
  await expect(asked).rejects.toMatchObject({ code: 'SERVESIM_CAPABILITY_MISMATCH', path: '--dtype' })
  const script =
    'process.stdin.on("data",()=>console.log(JSON.stringify({type:"hello",protocol:1,probe:{name:"x",release:"1"},device:{name:"x"},dtypes:["bf16"],operators:["gemm"]})))'
  const poor = profile(requestFor(join(cwd, 'poor'), { probe: { command: process.execPath, args: ['-e', script] } }))
  await expect(poor).rejects.toMatchObject({ message: expect.stringContaining('needs "attention"') })
})

/** Fails at the output projection, whenever it is tried. */
async function failing(output: string, fault: string) {
  let measured = -1
  const onProgress = ({ done }: { done: number }) => {
    measured = done
  }
  const stop = await profile(requestFor(output, { probe: faulty(fault, 'o_proj'), onProgress })).then(
    () => {
      throw new Error('did not fail')
    },
    (error: { code: string; message: string; hint: string }) => error,
  )
  return { stop, measured }
}
