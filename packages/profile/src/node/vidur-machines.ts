import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { CollectiveSamples } from '../bundle.js'
import { parseCsv } from '../csv.js'
import type { BundleManifest } from '../manifest.js'
import { readIfPresent, subfolders } from './files.js'
import { samplesOf } from './samples.js'

/** Chips of these tables that no plugin provides. */
export const vidurChips: Readonly<Record<string, NonNullable<BundleManifest['chip']>>> = {
  a30: {
    vendor: 'NVIDIA',
    memoryBytes: 24_576 * 2 ** 20,
    memoryBytesPerSecond: 933e9,
    bf16FlopPerSecond: 165e12,
    streamingMultiprocessors: 56,
    l2Bytes: 24 * 2 ** 20,
    linkBytesPerSecond: 100e9,
    linkKind: 'nvlink',
    thermalDesignPowerWatts: 165,
    source: 'NVIDIA AIConfigurator system file a30; SM count and L2: vendor sheet',
  },
}

/** Folders above a model's in which `network/` may lie: model, organisation, GPU, compute. */
const networkAbove = 4

/** All-reduce among the GPUs of one node, from `network/<node>/all_reduce.csv` of a node that carries the GPU's name. */
export function readVidurCollectives(modelFolder: string, device: string): CollectiveSamples[] {
  let folder = modelFolder
  for (let up = 0; up < networkAbove; up++) folder = dirname(folder)
  const network = join(folder, 'network')
  if (!existsSync(network)) return []
  const path = subfolders(network)
    .filter((node) => node.startsWith(`${device.toLowerCase()}_`))
    .map((node) => join(network, node, 'all_reduce.csv'))
    .find((candidate) => existsSync(candidate))
  if (path === undefined) return []
  const table = parseCsv(readIfPresent(path)!, path, ['time_stats.all_reduce.mean', 'num_workers', 'size', 'devices_per_node'])
  const ranks = table.numbers('num_workers')
  const inNode = table.numbers('devices_per_node')
  const bytes = table.numbers('size')
  const ms = table.numbers('time_stats.all_reduce.mean')
  const counts = [...new Set(ranks)].sort((a, b) => a - b)
  return counts.flatMap((count): CollectiveSamples[] => {
    const samples = [...ranks.keys()].flatMap((i) =>
      ranks[i] === count && inNode[i] === count ? [{ rows: bytes[i]!, us: ms[i]! * 1e3 }] : [],
    )
    if (count < 2 || samples.length === 0) return []
    const { rows, latencyUs } = samplesOf('all-reduce', samples)
    return [{ collective: 'all-reduce', ranks: count, bytes: rows, latencyUs }]
  })
}
