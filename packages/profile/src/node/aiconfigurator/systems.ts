import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServesimError } from '@servesim/core'
import { parse } from 'yaml'
import type { BundleManifest } from '../../manifest.js'

/** A system of the database: its folder of tables and the figures of its YAML file. */
export interface System {
  /** As its folder is called, such as `h100_sxm`. */
  name: string
  folder: string
  memoryBytesPerSecond: number
  bf16FlopPerSecond: number
  /** Share of the bandwidth that kernels which only move memory reach, and what each costs beside it, µs: the database's own figures. */
  memoryShare: number
  memoryKernelUs: number
  chip: NonNullable<BundleManifest['chip']>
}

/** Systems below a folder of the database, by name. */
export function listSystems(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((entry) => entry.endsWith('.yaml') && existsSync(join(folder, entry.slice(0, -5))))
    .map((entry) => entry.slice(0, -5))
    .sort()
}

/** @throws ServesimError SERVESIM_BAD_FILE where a figure is missing, SERVESIM_UNKNOWN_NAME where there is no such system */
export function readSystem(folder: string, name: string): System {
  const path = join(folder, `${name}.yaml`)
  if (!existsSync(path)) {
    const known = listSystems(folder)
    throw new ServesimError(
      'SERVESIM_UNKNOWN_NAME',
      folder,
      `There are no tables of "${name}" here${known.length === 0 ? '' : `; there are ${known.join(', ')}`}.`,
      known.length === 0 ? 'Name the folder that holds the systems’ .yaml files and tables.' : undefined,
    )
  }
  const content = parse(readFileSync(path, 'utf8')) as { gpu?: Record<string, unknown>; node?: Record<string, unknown> } | null
  const figure = (part: 'gpu' | 'node', key: string): number => {
    const value = Number(content?.[part]?.[key])
    if (Number.isFinite(value) && value > 0) return value
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      `${part}.${key} is missing or no number above 0.`,
      'Is this a system file of AIConfigurator?',
    )
  }
  const optional = (part: 'gpu' | 'node', key: string) => (content?.[part]?.[key] === undefined ? undefined : figure(part, key))
  const fp8 = optional('gpu', 'fp8_tc_flops')
  const power = optional('gpu', 'power')
  return {
    name,
    folder: join(folder, name),
    memoryBytesPerSecond: figure('gpu', 'mem_bw'),
    bf16FlopPerSecond: figure('gpu', 'bfloat16_tc_flops'),
    memoryShare: figure('gpu', 'mem_bw_empirical_scaling_factor'),
    memoryKernelUs: figure('gpu', 'mem_empirical_constant_latency') * 1e6,
    chip: {
      vendor: 'NVIDIA',
      memoryBytes: figure('gpu', 'mem_capacity'),
      memoryBytesPerSecond: figure('gpu', 'mem_bw'),
      bf16FlopPerSecond: figure('gpu', 'bfloat16_tc_flops'),
      ...(fp8 !== undefined && { fp8FlopPerSecond: fp8 }),
      linkBytesPerSecond: figure('node', 'intra_node_bw'),
      // Of NVIDIA's chips those on PCIe have links of at most 64 GB/s.
      linkKind: figure('node', 'intra_node_bw') > 100e9 ? 'nvlink' : 'pcie',
      ...(power !== undefined && { thermalDesignPowerWatts: power }),
      source: `NVIDIA AIConfigurator system file ${name}`,
    },
  }
}
