import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { servesim, temporaryFolder } from '../test/command.js'

// NVIDIA AIConfigurator's tables; they are not part of this repository.
const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const tables = join(data, 'aiconfigurator')
const root = temporaryFolder()
afterAll(() => rmSync(root, { recursive: true }))

const imported = (...args: string[]) => servesim(root, 'profile', 'import', 'aiconfigurator', ...args)

describe.skipIf(!existsSync(tables))('servesim profile import aiconfigurator (skipped where SERVESIM_DATA holds none)', () => {
  test('turns tables by shape into a bundle of a model, says what was extrapolated, and the bundle runs', async () => {
    const { code, stdout } = await imported(tables, '--model', 'qwen3-8b', '--device', 'l40s', '-o', 'l40s')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Qwen\/Qwen3-8B on l40s, bfloat16, TP 1, vllm 0\.\d+/)
    expect(stdout).toContain('lm_head: extrapolated')
    const run = await servesim(root, 'run', '--profile', 'l40s', '--requests', '5')
    expect(run.stderr).toBe('')
    expect(run.stdout).toContain('Qwen/Qwen3-8B on 1 × l40s')
  })

  test.each([
    [[tables, '-o', 'x'], 'none is named'],
    [[tables, '-m', 'qwen3-8b', '-o', 'x'], 'systems lie here: a100_sxm'],
    [[tables, '-m', 'qwen3-8b', '-d', 'h9000', '-o', 'x'], 'no tables of "h9000"'],
    [[tables, '-m', 'nobody/nothing', '-d', 'l40s', '-o', 'x'], 'no model "nobody/nothing"'],
    [[join(tables, 'l40s'), '-m', 'qwen3-8b', '--engine', 'nimbus', '-o', 'x'], 'under nimbus'],
    [['.', '-m', 'qwen3-8b', '-o', 'x'], 'No system of AIConfigurator lies here'],
  ])('%j is refused with a sentence', async (args, sentence) => {
    const { code, stderr } = await imported(...args)
    expect(code).toBe(2)
    expect(stderr).toContain(sentence)
  })
})
