import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readBundle } from '@servesim/profile/node'
import { afterAll, expect, test } from 'vitest'
import { servesim, temporaryFolder, writeFiles } from '../../test/command.js'
import { program } from '../../test/program.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

const probes = fileURLToPath(new URL('../../../profiler/test/', import.meta.url))
const config = {
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 768,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  vocab_size: 2048,
  max_position_embeddings: 4096,
}
writeFiles(cwd, { 'tiny-llama/config.json': config })

const small = '--max-num-batched-tokens 64 --max-num-seqs 4 --max-context 128 --target-error 1000'.split(' ')
const command = (output: string, probe: string) => [
  'profile',
  '--device',
  'acme-1',
  '--model',
  'tiny-llama/config.json',
  '-o',
  output,
  ...small,
  '--probe',
  probe,
]
const chip = `${probes}chip-probe.mjs`
/** A millisecond or two a point: time to be killed in. */
const slowChip = `${probes}faulty-probe.mjs delay 2`
/** 0 before it begins, and once it is done and its folder has gone, which may be at any moment. */
const journalLines = (output: string) => {
  try {
    return readFileSync(join(cwd, `${output}.profiling`, 'journal.jsonl'), 'utf8').split('\n').length - 1
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return 0
  }
}

test('one command measures a chip, the next simulates on it', async () => {
  const profiled = await servesim(cwd, ...command('acme', chip))
  expect(profiled.code, profiled.stderr).toBe(0)
  expect(profiled.stdout).toMatch(/points measured in .*\nLeft-out points \(\d+\): median error 0\.\d+ %/)
  const run = await servesim(cwd, 'run', '--profile', 'acme', '--requests', '20', '--json', '--set', 'workload.promptTokens=100')
  expect(run.code, run.stderr).toBe(0)
  expect(JSON.parse(run.stdout)).toMatchObject({ run: { pools: [{ device: 'acme-1', model: 'tiny-llama' }] }, provenance: { analytic: 0 } })
})

test('a bundle says what it covers, and shows itself on one page', async () => {
  expect((await servesim(cwd, 'profile', 'coverage', 'acme')).stdout).toContain('reaches too short')
  expect((await servesim(cwd, 'profile', 'coverage', 'acme', '--max-context', '128')).stdout).toContain('Every operator is covered.')
  const other = await servesim(cwd, 'profile', 'coverage', 'acme', '--model', 'Qwen3-30B-A3B')
  expect(other.stdout).toMatch(/moe +moe\.csv +missing/)
  expect(other.stdout).toContain('The bundle was measured with tiny-llama')
  expect(JSON.parse((await servesim(cwd, 'profile', 'coverage', 'acme', '--json')).stdout)).toMatchObject({ model: 'tiny-llama' })
  expect(await servesim(cwd, 'profile', 'report', 'acme')).toMatchObject({ code: 0, stdout: 'Report in acme.html\n' })
  expect(readFileSync(join(cwd, 'acme.html'), 'utf8')).toContain('acme-1: Acme One')
})

test('killed again and again, it goes on where it was', { timeout: 60_000 }, async () => {
  let kills = 0
  for (let before = 0; !existsSync(join(cwd, 'killed')); before = journalLines('killed')) {
    const child = start(command('killed', slowChip))
    const isDone = await until(() => journalLines('killed') >= before + 80, child)
    if (isDone) break
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    // It may have come to its end just before.
    if (existsSync(join(cwd, 'killed'))) break
    kills++
    expect(journalLines('killed')).toBeGreaterThanOrEqual(before + 80)
  }
  expect(kills).toBeGreaterThan(1)
  const killed = readBundle(join(cwd, 'killed'))
  const [whole] = [readBundle(join(cwd, 'acme'))]
  expect(killed.shards[0]!.attention.newTokens).toEqual(whole.shards[0]!.attention.newTokens)
  expect(killed.shards[0]!.tokens.map(({ operator, rows }) => [operator, ...rows])).toEqual(
    whole.shards[0]!.tokens.map(({ operator, rows }) => [operator, ...rows]),
  )
})

test('interrupted from the keyboard, it says how to go on', { timeout: 60_000 }, async () => {
  const child = start(command('interrupted', slowChip))
  let stderr = ''
  child.stderr!.on('data', (data) => {
    stderr += String(data)
  })
  await until(() => journalLines('interrupted') > 20, child)
  child.kill('SIGINT')
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1)
  expect(stderr).toContain('run the same command again to go on')
  expect(existsSync(join(cwd, 'interrupted.profiling', 'lock'))).toBe(false)
})

test('two on one folder: the second is told of the first', { timeout: 60_000 }, async () => {
  const first = start(command('shared', slowChip))
  await until(() => journalLines('shared') > 5, first)
  const second = await servesim(cwd, ...command('shared', chip))
  expect(second).toMatchObject({ code: 2, stdout: '' })
  expect(second.stderr).toContain(`Another profiler works on this folder: process ${first.pid}`)
  first.kill('SIGKILL')
  await new Promise((resolve) => first.once('close', resolve))
  expect((await servesim(cwd, ...command('shared', chip))).stdout).toMatch(/taken over from an interrupted run/)
})

test('a full disk is an error that loses nothing', { timeout: 60_000 }, async ({ skip }) => {
  const disk = join(cwd, 'disk')
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk], { stdio: 'ignore' })
  } catch {
    skip('no file system can be mounted here')
  }
  try {
    const full = await servesim(cwd, ...command('disk/acme', chip))
    expect(full).toMatchObject({ code: 2, stdout: '' })
    expect(full.stderr).toContain('There is no room left to write (ENOSPC)')
    execFileSync('mount', ['-o', 'remount,size=4m', disk])
    const again = await servesim(cwd, ...command('disk/acme', chip))
    expect(again.code, again.stderr).toBe(0)
    expect(again.stdout).toMatch(/taken over from an interrupted run/)
  } finally {
    execFileSync('umount', [disk])
  }
})

test.each([
  [['--probe', 'tortch'], 'Did you mean torch?'],
  [['--model', 'llama-3.1-9b'], 'Did you mean'],
  [['--budget', 'soon'], '90s, 30m or 2h'],
  [['--tp', '3'], 'divide'],
])('%j is refused', async (flags, words) => {
  const { code, stderr } = await servesim(cwd, ...command('refused', chip), ...flags)
  expect(code).toBe(2)
  expect(stderr).toContain(words)
})

test('what is missing is named', async () => {
  const { code, stderr } = await servesim(cwd, 'profile', '--device', 'acme-1', '--probe', chip)
  expect(code).toBe(2)
  expect(stderr).toContain('--model, --output are missing')
})

test('probe check tells a good probe from a bad one', async () => {
  expect(await servesim(cwd, 'probe', 'check', chip)).toMatchObject({ code: 0, stdout: expect.stringContaining('speaks the protocol') })
  const bad = await servesim(cwd, 'probe', 'check', `${probes}faulty-probe.mjs garbage gemm`)
  expect(bad.code).toBe(2)
  expect(bad.stdout).toContain('FAILED  gemm: It printed "warming up the chip …"')
  expect(bad.stdout).toContain('ok      moe')
})

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...program, ...args], { cwd, env: { ...process.env, NODE_OPTIONS: '' } })
}

/** @returns whether the process ended before it came true */
async function until(isTrue: () => boolean, child: ChildProcess): Promise<boolean> {
  while (!isTrue()) {
    if (child.exitCode !== null) return true
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return false
}
