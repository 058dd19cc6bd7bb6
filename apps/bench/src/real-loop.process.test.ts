import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { main } from 'servesim'
import { afterAll, expect, test } from 'vitest'

const cwd = mkdtempSync(join(tmpdir(), 'servesim-real-loop-'))
afterAll(() => rmSync(cwd, { recursive: true }))

const here = (path: string) => fileURLToPath(new URL(`../real-loop/${path}`, import.meta.url))
const python = [process.env.SERVESIM_PYTHON ?? 'python3', '/usr/bin/python3'].find(
  (candidate) => spawnSync(candidate, ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0,
)

const tiny = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 256,
  max_position_embeddings: 128,
}

async function servesim(...args: string[]): Promise<string> {
  let stdout = ''
  let stderr = ''
  const code = await main(args, {
    cwd,
    print: (text) => {
      stdout += text
    },
    note: (text) => {
      stderr += text
    },
    isWatched: false,
  })
  expect(code, stderr).toBe(0)
  return stdout
}

// The long form, with the limits that are claimed, is real-loop/prove.mjs: a machine that runs other tests is too noisy for them.
test('a simulation on a profile of this CPU schedules as a real serving loop on it', { timeout: 120_000 }, async ({ skip }) => {
  if (python === undefined) skip('no Python here can import numpy')
  const model = join(cwd, 'tiny-llama.json')
  writeFileSync(model, JSON.stringify(tiny))
  const probe = `${python} -u ${here('../../../packages/profiler/probes/numpy_probe.py')} --threads 1 --room 64`
  const reach = ['--max-num-batched-tokens', '32', '--max-num-seqs', '2', '--max-context', '64', '--target-error', '1000']
  await servesim('profile', '--device', 'this-cpu', '--model', model, '--probe', probe, '-o', 'bundle', ...reach)
  const load = ['--requests', '16', '--rate', '1e9', '--prompt', '8-40', '--answer', '4-24']
  const limits = ['--max-model-len', '64', '--max-num-batched-tokens', '32', '--max-num-seqs', '2', '--device', 'this-cpu']
  const loop = spawnSync(python!, [here('real_loop.py'), '--model', model, '--output', join(cwd, 'run'), ...load, ...limits], {
    encoding: 'utf8',
  })
  expect(loop.status, loop.stderr).toBe(0)
  const recorded = readFileSync(join(cwd, 'run', 'requests.jsonl'), 'utf8')
    .trim()
    .split('\n')
  for (const line of recorded) {
    const { queued_ts, first_token_ts, last_token_ts } = JSON.parse(line) as Record<string, number>
    expect(queued_ts! < first_token_ts! && first_token_ts! < last_token_ts!).toBe(true)
  }
  const { requests, step, metrics } = JSON.parse(await servesim('validate', 'run', '--profile', 'bundle', '--json'))
  expect(requests).toMatchObject({ arrived: 16, finished: 16 })
  expect(metrics).toHaveLength(15)
  // All arrive at once, so the schedule does not depend on the clock: it is the same, step by step.
  expect(step.simulated).toBe(step.measured)
  // Beside other tests a step may take several times as long as alone, but never a fraction.
  expect(step.errorPct).toBeLessThan(100)
})
