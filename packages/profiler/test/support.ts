import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createModel, parseModelConfig } from '@servesim/models'
import { type ProbeCommand, type ProfileRequest, probeCommand } from '../src/index.js'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** A Llama-shaped model that no catalogue has. */
export const tinyConfig = {
  _name_or_path: 'tiny-llama',
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 768,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  vocab_size: 2048,
  max_position_embeddings: 4096,
}

const tinyModel = createModel('tiny-llama', parseModelConfig(tinyConfig, 'model'))

/** The made-up chip, as a vendor would write its probe. */
const chip: ProbeCommand = probeCommand('chip-probe.mjs', folder)

/** The same chip behind something that breaks the measurements of one operator, or one of them. */
export function faulty(fault: string, operator: string, onceFile = ''): ProbeCommand {
  return probeCommand(`faulty-probe.mjs ${fault} ${operator} ${onceFile}`, folder)
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'servesim-profiler-'))
}

/** A profile of the tiny model within small limits. */
export function requestFor(output: string, changes: Partial<ProfileRequest> = {}): ProfileRequest {
  return {
    device: 'acme-1',
    model: tinyModel,
    modelConfig: tinyConfig,
    tensorParallel: [1],
    limits: { maxBatchedTokens: 64, maxSequences: 4, maxContext: 128 },
    probe: chip,
    probeName: 'acme',
    timeouts: { helloMs: 20_000, measureMs: 20_000 },
    output,
    replace: false,
    fresh: false,
    skipFaulty: false,
    targetErrorPct: 2,
    release: '0.0.0',
    ...changes,
  }
}
