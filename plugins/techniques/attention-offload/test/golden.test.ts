import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createSimulation } from '@servesim/core'
import { gpu } from '@servesim/device-gpu'
import { pim } from '@servesim/device-pim'
import { models } from '@servesim/models'
import { importLlmservingsim } from '@servesim/profile/node'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { listWorkloads } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { attentionOffload } from '../src/index.js'

const data = process.env.SERVESIM_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url))
const perf = `${data}/llmservingsim/profiler/perf`

/** Decode step of LLMServingSim's `single_node_pim_instance` example: one request of 10 prompt tokens (`outputs/example_pim_run.csv`), ns. */
const publishedNs = 11_016_027

describe.skipIf(!existsSync(perf))('LLMServingSim’s example of decode attention on DDR4 (skipped where SERVESIM_DATA holds none)', () => {
  const bundle = importLlmservingsim(perf, { model: 'Llama-3.1-8B', tensorParallel: 1 })
  const firstItlNs = (techniques: ({ use: string } & Record<string, unknown>)[]) => {
    const simulation = createSimulation({
      plugins: [models, gpu, pim, vllmScheduler, listWorkloads, attentionOffload],
      workload: { use: 'list', requests: [{ arrivalNs: 0, promptTokens: 10, outputTokens: 2 }] },
      pools: [
        {
          model: 'meta-llama/Llama-3.1-8B',
          device: { use: 'rtx-pro-6000', bundle },
          scheduler: { use: 'vllm', asyncScheduling: false },
          techniques,
        },
      ],
    })
    simulation.run()
    return simulation.results.itl.meanNs
  }

  it('the decode step is 11.016027 ms within 0.1 %, on 64 channels (512 GB)', () => {
    const ns = firstItlNs([{ use: 'attention-offload', device: { use: 'ddr4-3200-pim', channels: 64 } }])
    console.info(
      `decode step with attention on DDR4-PIM: ${(ns / 1e6).toFixed(6)} ms, published 11.016027 ms: ${((ns / publishedNs - 1) * 100).toFixed(3)} %`,
    )
    expect(Math.abs(ns / publishedNs - 1)).toBeLessThan(0.001)
  })

  it('without it the step is that of the accelerator alone, 11.147 ms', () =>
    expect(Math.abs(firstItlNs([]) / 11_146_817 - 1)).toBeLessThan(0.001))
})
