import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { readBundle } from '@servesim/profile/node'
import { afterAll, describe, expect, test } from 'vitest'
import { requestFor, temporaryFolder } from '../test/support.js'
import { checkProbe } from './check-probe.js'
import { probeCommand } from './probe-command.js'
import { profile } from './profile.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

/** A Python that has a module; undefined where there is none. */
function pythonWith(module: string): string | undefined {
  const candidates = [process.env.SERVESIM_PYTHON ?? 'python3', 'python3', '/usr/bin/python3']
  return candidates.find((python) => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0)
}

const timeouts = { helloMs: 60_000, measureMs: 60_000 }

describe.each([
  ['numpy', 'numpy', 'numpy --threads 1'],
  ['torch', 'torch', 'torch --device cpu --ranks 2'],
])('the %s probe', (name, module, words) => {
  const python = pythonWith(module)
  const skipped = `no Python here can import ${module}`

  test('does everything that the protocol asks', async ({ skip }) => {
    if (python === undefined) skip(skipped)
    const checks = await checkProbe(probeCommand(words, cwd, python), timeouts)
    expect(checks.filter((check) => !check.ok)).toEqual([])
    expect(checks.length).toBeGreaterThan(12)
  })

  test('measures a model on this CPU', async ({ skip }) => {
    if (python === undefined) skip(skipped)
    const result = (await profile(
      requestFor(join(cwd, name), {
        probe: probeCommand(words, cwd, python),
        limits: { maxBatchedTokens: 8, maxSequences: 2, maxContext: 32 },
        targetErrorPct: 1000,
        repeats: { warmup: 1, stablePct: 100, fewest: 5, most: 5, longestMs: 1000 },
      }),
    ))!
    expect(result.skipped).toEqual([])
    const { manifest, shards } = readBundle(join(cwd, name))
    expect(manifest).toMatchObject({
      dtype: name === 'numpy' ? 'fp32' : 'bf16',
      launch: 'eager',
      software: { [module]: expect.any(String) },
    })
    expect(shards[0]!.tokens.map(({ operator }) => operator)).toContain('gate_up_proj')
  })
})
