import type { Command } from 'commander'
import { wholeNumber } from '../run-flags.js'
import type { EngineSettings } from '../validate/recording.js'

/** What files of load generators do not say about the engine. */
export interface EngineFlags {
  model?: string
  tp?: string
  release?: string
  maxNumSeqs?: string
  maxNumBatchedTokens?: string
}

export function addEngineFlags(command: Command): Command {
  return command
    .optionsGroup('For files of load generators, which do not record the engine:')
    .option('-m, --model <id>', 'model that served (default: as recorded)')
    .option('--tp <n>', 'tensor-parallel ranks (default: 1)')
    .option('--release <version>', 'release of vLLM that served')
    .option('--max-num-seqs <n>', 'most sequences of a step (default: the release’s)')
    .option('--max-num-batched-tokens <n>', 'most tokens of a step (default: the release’s)')
}

export function engineOf({ model, tp, release, maxNumSeqs, maxNumBatchedTokens }: EngineFlags): EngineSettings {
  const count = (text: string | undefined, flag: string) => (text === undefined ? undefined : wholeNumber(text, flag))
  return {
    model,
    release,
    tensorParallel: count(tp, '--tp'),
    maxNumSeqs: count(maxNumSeqs, '--max-num-seqs'),
    maxNumBatchedTokens: count(maxNumBatchedTokens, '--max-num-batched-tokens'),
  }
}
