import { type AttentionKernel, flashAttention2Ada, flashAttention2Ampere, flashAttention3 } from './attention-kernel.js'
import type { GpuSpec } from './gpu.js'

export interface Chip {
  spec: GpuSpec
  aliases: readonly string[]
  attention: AttentionKernel
}

const mebibytes = 2 ** 20
const vendor = 'NVIDIA'

/**
 * Figures as published. `source` names where each was read; what is marked "vendor sheet" is widely published and was not read
 * again. `memoryBytes` is the total that `nvidia-smi` reports.
 */
export const chips = {
  'h100-sxm': {
    spec: {
      name: 'h100-sxm',
      vendor,
      memoryBytes: 81_559 * mebibytes,
      memoryBytesPerSecond: 3.35e12,
      bf16FlopPerSecond: 989e12,
      fp8FlopPerSecond: 1978e12,
      streamingMultiprocessors: 132,
      l2Bytes: 50 * mebibytes,
      linkBytesPerSecond: 450e9,
      linkKind: 'nvlink',
      thermalDesignPowerWatts: 700,
      source: 'NVIDIA AIConfigurator system file h100_sxm; SM count and L2: vendor sheet',
    },
    aliases: ['H100'],
    attention: flashAttention3,
  },
  'h200-sxm': {
    spec: {
      name: 'h200-sxm',
      vendor,
      memoryBytes: 143_771 * mebibytes,
      memoryBytesPerSecond: 4.8e12,
      bf16FlopPerSecond: 989e12,
      fp8FlopPerSecond: 1978e12,
      streamingMultiprocessors: 132,
      l2Bytes: 50 * mebibytes,
      linkBytesPerSecond: 450e9,
      linkKind: 'nvlink',
      thermalDesignPowerWatts: 700,
      source: 'NVIDIA AIConfigurator system file h200_sxm; memory total, SM count and L2: vendor sheet',
    },
    aliases: ['H200'],
    attention: flashAttention3,
  },
  'a100-80-sxm': {
    spec: {
      name: 'a100-80-sxm',
      vendor,
      memoryBytes: 81_920 * mebibytes,
      memoryBytesPerSecond: 2.039e12,
      bf16FlopPerSecond: 312e12,
      streamingMultiprocessors: 108,
      l2Bytes: 40 * mebibytes,
      linkBytesPerSecond: 300e9,
      linkKind: 'nvlink',
      thermalDesignPowerWatts: 400,
      source: 'NVIDIA AIConfigurator system file a100_sxm; SM count and L2: vendor sheet',
    },
    aliases: ['A100', 'a100-sxm', 'a100-80gb'],
    attention: flashAttention2Ampere,
  },
  l40s: {
    spec: {
      name: 'l40s',
      vendor,
      memoryBytes: 46_068 * mebibytes,
      memoryBytesPerSecond: 864e9,
      bf16FlopPerSecond: 362.05e12,
      fp8FlopPerSecond: 733e12,
      streamingMultiprocessors: 142,
      l2Bytes: 96 * mebibytes,
      linkBytesPerSecond: 32e9,
      linkKind: 'pcie',
      thermalDesignPowerWatts: 350,
      source: 'NVIDIA AIConfigurator system file l40s; SM count and L2: vendor sheet',
    },
    aliases: [],
    attention: flashAttention2Ada,
  },
  'rtx-4090': {
    spec: {
      name: 'rtx-4090',
      vendor,
      memoryBytes: 24_564 * mebibytes,
      memoryBytesPerSecond: 1.008e12,
      bf16FlopPerSecond: 165.2e12,
      fp8FlopPerSecond: 330.3e12,
      streamingMultiprocessors: 128,
      l2Bytes: 72 * mebibytes,
      linkBytesPerSecond: 32e9,
      linkKind: 'pcie',
      thermalDesignPowerWatts: 450,
      source: 'published specification (rates with 32-bit accumulation, bandwidth); memory total, SM count, L2 and power: vendor sheet',
    },
    aliases: ['RTX4090'],
    attention: flashAttention2Ada,
  },
  'rtx-pro-6000': {
    spec: {
      name: 'rtx-pro-6000',
      vendor,
      memoryBytes: 97_887 * mebibytes,
      memoryBytesPerSecond: 1.792e12,
      bf16FlopPerSecond: 467.8e12,
      fp8FlopPerSecond: 935.6e12,
      streamingMultiprocessors: 188,
      l2Bytes: 128 * mebibytes,
      linkBytesPerSecond: 64e9,
      linkKind: 'pcie',
      thermalDesignPowerWatts: 600,
      source: 'NVIDIA AIConfigurator system file rtx_pro_6000_server (Server Edition, at 2430 MHz); SM count and L2: LLMServingSim',
    },
    aliases: ['RTXPRO6000'],
    attention: flashAttention2Ada,
  },
} as const satisfies Record<string, Chip>

export type ChipName = keyof typeof chips
