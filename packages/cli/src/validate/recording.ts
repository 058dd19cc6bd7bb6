import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ServesimError } from '@servesim/core'
import { readClientRecording } from './client-recordings.js'
import { type RecordedRequest, readRecordedRequests } from './recorded-requests.js'
import { type RecordedSettings, readRecordedSettings, unknownSettings } from './recorded-settings.js'
import { recordingFolder } from './run-files.js'

/** Engine settings that a load generator does not know; absent: the engine's defaults. */
export interface EngineSettings {
  model?: string | undefined
  tensorParallel?: number | undefined
  release?: string | undefined
  maxNumSeqs?: number | undefined
  maxNumBatchedTokens?: number | undefined
}

export interface Recording {
  settings: RecordedSettings
  requests: RecordedRequest[]
  /** Instant from which the recorded latencies count. */
  latencyFrom: 'arrival' | 'queued'
  /** Where `steps.jsonl` may lie. */
  folder: string | undefined
  assumptions: string[]
}

/** What the newest release that the scheduler mimics does, where nobody says which served. */
const assumedRelease = '0.28.0'

/**
 * A recorded run: the folder of an engine's recording, or the file of a load generator.
 * @throws ServesimError SERVESIM_BAD_FILE, SERVESIM_BAD_OPTION where a model is needed
 */
export function openRecording(path: string, cwd: string, engine: EngineSettings): Recording {
  const full = resolve(cwd, path)
  if (statSync(full, { throwIfNoEntry: false })?.isFile()) return ofClient(full, engine)
  const folder = recordingFolder(full)
  const settings = readRecordedSettings(full, folder)
  return { settings, requests: readRecordedRequests(join(folder, 'requests.jsonl')), latencyFrom: 'queued', folder, assumptions: [] }
}

function ofClient(file: string, engine: EngineSettings): Recording {
  const { tool, model: recorded, requests, leftOut } = readClientRecording(file)
  const model = engine.model ?? recorded
  if (model === undefined)
    throw new ServesimError('SERVESIM_BAD_OPTION', '--model', `${tool} does not record which model served.`, 'Name it with --model.')
  const { release = assumedRelease, tensorParallel = 1, maxNumSeqs, maxNumBatchedTokens } = engine
  return {
    settings: { ...unknownSettings, model, vllmRelease: release, tensorParallel, maxNumSeqs, maxNumBatchedTokens },
    requests,
    latencyFrom: 'arrival',
    folder: undefined,
    assumptions: [
      `Times are the client's (${tool}), from sending: network, HTTP server and tokenisation are in the measured ones and not in the simulated ones.`,
      `${tool} does not record the engine's settings: vLLM ${release}${engine.release === undefined ? ' is assumed (--release)' : ''}, tensor parallel ${tensorParallel}, otherwise as flags say or by default.`,
      ...(leftOut > 0 ? [`${leftOut} requests that failed, were cancelled or warmed the server up are left out.`] : []),
    ],
  }
}
