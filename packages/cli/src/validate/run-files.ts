import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isServesimError, ServesimError } from '@servesim/core'

export type Json = Record<string, unknown>

/** @throws ServesimError SERVESIM_BAD_FILE where the file is missing, cut off or no object */
export function readJsonFile(file: string): Json {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content as Json
    throw new ServesimError('SERVESIM_BAD_FILE', file, 'The file holds no JSON object.', 'Copy it again from where it was recorded.')
  } catch (error) {
    if (isServesimError(error)) throw error
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      file,
      missing ? 'There is no such file.' : `The file is cut off or no JSON: ${(error as Error).message}.`,
      'A recorded run is a folder with vllm/meta.json, vllm/requests.jsonl and config.json.',
    )
  }
}

/** Folder of `meta.json` and `requests.jsonl`: `vllm` below the run's, or the run's own. */
export function recordingFolder(runFolder: string): string {
  const below = join(runFolder, 'vllm')
  return existsSync(join(below, 'requests.jsonl')) || !existsSync(join(runFolder, 'requests.jsonl')) ? below : runFolder
}

/**
 * The first value under one of the keys that is of the wanted type, nearest to the top; recorders have moved settings between releases.
 * `null` stands for an engine's default and is passed over.
 */
export function findValue<T extends 'number' | 'boolean' | 'string'>(content: Json, type: T, ...keys: string[]): TypeOf[T] | undefined {
  for (let level: unknown[] = [content]; level.length > 0; level = level.flatMap((node) => Object.values(node as object)).filter(isNode)) {
    for (const key of keys) {
      for (const node of level) {
        const value = (node as Json)[key]
        if (typeof value === type) return value as TypeOf[T]
      }
    }
  }
  return undefined
}

interface TypeOf {
  number: number
  boolean: boolean
  string: string
}

function isNode(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** The first list of positive numbers under a key. */
export function findNumbers(content: Json, key: string): number[] | undefined {
  for (let level: unknown[] = [content]; level.length > 0; level = level.flatMap((node) => Object.values(node as object)).filter(isNode)) {
    for (const node of level) {
      const value = (node as Json)[key]
      if (Array.isArray(value) && value.length > 0 && value.every((n) => typeof n === 'number' && n > 0)) return value as number[]
    }
  }
  return undefined
}
