import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { servesim, temporaryFolder } from '../../test/command.js'
import { isPresent, recorded } from '../../test/recorded.js'

const cwd = temporaryFolder()
afterAll(() => rmSync(cwd, { recursive: true }))

describe.skipIf(!isPresent)('profiles of LLMServingSim', () => {
  test('one is imported as a bundle, several as folders of them, and nothing is overwritten unasked', async () => {
    const one = await servesim(
      cwd,
      'profile',
      'import',
      'llmservingsim',
      recorded.profiles,
      '--model',
      'llama-3.1-8b',
      '--tp',
      '1',
      '-o',
      'one',
    )
    expect(one).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(join(cwd, 'one/bundle.json'))).toBe(true)
    expect(
      (await servesim(cwd, 'profile', 'import', 'llmservingsim', recorded.profiles, '--model', 'llama-3.1-8b', '-o', 'one')).code,
    ).toBe(2)
    const all = await servesim(cwd, 'profile', 'import', 'llmservingsim', recorded.profiles, '-o', 'all')
    expect(all.stdout.split('\n').filter((line) => line.includes('→'))).toHaveLength(2)
  })

  test('a bundle is inspected in 100 columns, or as JSON', async () => {
    const { code, stdout } = await servesim(cwd, 'profile', 'inspect', 'one')
    expect(code).toBe(0)
    expect(stdout).toContain('tp1/attention.csv')
    for (const line of stdout.split('\n')) expect([...line].length, line).toBeLessThanOrEqual(100)
    expect(
      JSON.parse((await servesim(cwd, 'profile', 'inspect', recorded.profiles, '--model', 'llama-3.1-8b', '--json')).stdout),
    ).toMatchObject({ manifest: { device: 'RTXPRO6000' } })
  })

  test('a run takes its device from the bundle, whichever layout it lies in, and says what it rests on', async () => {
    const run = async (profile: string) => {
      const { code, stdout, stderr } = await servesim(cwd, 'run', '--requests', '10', '--json', '--profile', profile)
      expect(code, stderr).toBe(0)
      const { wallMs: _, ...document } = JSON.parse(stdout) as Record<string, unknown>
      return document
    }
    const measured = await run(recorded.profiles)
    expect(measured).toMatchObject({
      run: { pools: [{ device: 'rtx-pro-6000', model: 'meta-llama/Llama-3.1-8B', measuredRelease: '0.19.0' }] },
      provenance: { analytic: 0 },
    })
    expect(await run('all')).toEqual(measured)
  })

  test.each([
    [['--model', 'Qwen3-8B'], 'SERVESIM_UNKNOWN_NAME'],
    [['--device', 'h100'], 'RTXPRO6000'],
    [['--tp', '4'], 'expected 1, 2'],
    [['--set', 'pools[0].scheduler.release=0.28', '--requests', '5'], ''],
  ])('%j', async (args, words) => {
    const { code, stdout, stderr } = await servesim(cwd, 'run', '--profile', recorded.profiles, ...args)
    expect(code).toBe(words === '' ? 0 : 2)
    if (words === '') expect(stdout).toContain('measured under engine release 0.19.0')
    expect(stderr).toContain(words)
  })
})
