import { ServesimError } from '@servesim/core'
import type { Bundle, CollectiveSamples, OperatorSamples, ShardTables } from './bundle.js'
import { type CsvTable, formatCsv, parseCsv } from './csv.js'
import { parseManifest } from './manifest.js'
import { attentionSamples, bundleColumns, collectiveSamples, moeSamples, operatorSamples } from './tables.js'

export const manifestFile = 'bundle.json'

const c = bundleColumns
const moeFile = 'moe.csv'
const collectivesFile = 'collectives.csv'
const operatorColumns = (rows: string) => [c.operator, rows, c.latency]
const attentionColumns = [c.newTokens, c.context, c.decodes, c.decodeContext, c.latency]
const moeColumns = [c.tokens, c.activatedExperts, c.latency]
const collectiveColumns = [c.collective, c.ranks, c.bytes, c.latency]

/** A bundle as files: path below its folder → content. The inverse of `parseBundle`. */
export function formatBundle(bundle: Bundle): Record<string, string> {
  const files: Record<string, string> = {}
  for (const shard of bundle.shards) {
    const folder = `tp${shard.tensorParallel}`
    files[`${folder}/tokens.csv`] = formatOperators(shard.tokens, c.tokens)
    files[`${folder}/sequences.csv`] = formatOperators(shard.sequences, c.sequences)
    const { newTokens, context, decodes, decodeContext, latencyUs, prompts } = shard.attention
    files[`${folder}/attention.csv`] = formatCsv({
      [c.newTokens]: newTokens,
      [c.context]: context,
      [c.decodes]: decodes,
      [c.decodeContext]: decodeContext,
      ...(prompts !== undefined && { [c.prompts]: prompts }),
      [c.latency]: latencyUs,
    })
  }
  if (bundle.moe !== undefined)
    files[moeFile] = formatCsv({
      [c.tokens]: bundle.moe.tokens,
      [c.activatedExperts]: bundle.moe.activatedExperts,
      [c.latency]: bundle.moe.latencyUs,
    })
  if (bundle.collectives.length > 0) files[collectivesFile] = formatCollectives(bundle.collectives)
  const tables = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, { rows: text.split('\n').length - 2 }]))
  return { [manifestFile]: `${JSON.stringify({ ...bundle.manifest, tables }, null, 2)}\n`, ...files }
}

/**
 * @param read content of a file below the bundle's folder, undefined where there is none
 * @param path the folder, for errors
 * @param tensorParallel reads this degree alone
 * @throws ServesimError SERVESIM_BAD_BUNDLE
 */
export function parseBundle(read: (file: string) => string | undefined, path: string, tensorParallel?: number): Bundle {
  const { tables, ...manifest } = readManifest(read, path)
  const open = (file: string, columns: readonly string[]): CsvTable | undefined => {
    const text = read(file)
    if (text === undefined) return undefined
    const table = parseCsv(text, `${path}/${file}`, columns)
    const expected = tables[file]?.rows
    if (expected !== undefined && expected !== table.rows)
      throw bad(
        `${path}/${file}`,
        `The table has ${table.rows} rows; ${manifestFile} says ${expected}.`,
        'Copy the bundle again: the file is not the one that was written.',
      )
    return table
  }
  const need = (file: string, columns: readonly string[]): CsvTable => {
    const table = open(file, columns)
    if (table === undefined)
      throw bad(
        `${path}/${file}`,
        'The table is missing.',
        `The bundle lists this degree of tensor parallelism: copy the file, or take the degree out of ${manifestFile}.`,
      )
    return table
  }
  const degrees = manifest.tensorParallel
    .filter((degree) => tensorParallel === undefined || degree === tensorParallel)
    .sort((a, b) => a - b)
  if (degrees.length === 0)
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      path,
      `The bundle has no profile for tensorParallel ${tensorParallel}; expected ${manifest.tensorParallel.join(' or ')}.`,
      'Change parallelism.tensor, or measure it with `servesim profile`.',
    )
  const shards = degrees.map((degree): ShardTables => {
    const folder = `tp${degree}`
    return {
      tensorParallel: degree,
      tokens: operatorSamples(need(`${folder}/tokens.csv`, operatorColumns(c.tokens)), c.tokens, c),
      sequences: operatorSamples(need(`${folder}/sequences.csv`, operatorColumns(c.sequences)), c.sequences, c),
      attention: attentionSamples(need(`${folder}/attention.csv`, attentionColumns), c),
    }
  })
  const moe = open(moeFile, moeColumns)
  const collectives = open(collectivesFile, collectiveColumns)
  return {
    manifest: { ...manifest, tensorParallel: degrees as [number, ...number[]] },
    shards,
    ...(moe === undefined ? {} : { moe: moeSamples(moe, c) }),
    collectives: collectives === undefined ? [] : collectiveSamples(collectives, c, `${path}/${collectivesFile}`),
  }
}

/** @throws ServesimError SERVESIM_BAD_BUNDLE where `bundle.json` is missing, is no JSON or breaks the schema */
export function readManifest(read: (file: string) => string | undefined, path: string): ReturnType<typeof parseManifest> {
  const where = `${path}/${manifestFile}`
  const text = read(manifestFile)
  if (text === undefined) throw bad(where, 'The file is missing: the folder is no bundle.', 'Name the folder that holds bundle.json.')
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw bad(where, `The file is no valid JSON: ${(error as Error).message}.`, 'Copy or write the bundle again.')
  }
  return parseManifest(content, where)
}

function formatOperators(samples: readonly OperatorSamples[], rows: string): string {
  return formatCsv({
    [c.operator]: samples.flatMap((s) => Array.from(s.rows, () => s.operator)),
    [rows]: samples.flatMap((s) => [...s.rows]),
    [c.latency]: samples.flatMap((s) => [...s.latencyUs]),
  })
}

function formatCollectives(samples: readonly CollectiveSamples[]): string {
  return formatCsv({
    [c.collective]: samples.flatMap((s) => Array.from(s.bytes, () => s.collective)),
    [c.ranks]: samples.flatMap((s) => Array.from(s.bytes, () => s.ranks)),
    [c.bytes]: samples.flatMap((s) => [...s.bytes]),
    [c.latency]: samples.flatMap((s) => [...s.latencyUs]),
  })
}

function bad(path: string, message: string, hint: string): ServesimError {
  return new ServesimError('SERVESIM_BAD_BUNDLE', path, message, hint)
}
