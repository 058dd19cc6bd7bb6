import type { DeviceSpec } from '@servesim/core'
import { type Accelerator, type MatrixTile, unmeasured, unmeasuredSentence } from '@servesim/roofline'

const neuron = 'AWS Neuron documentation'
const hotChips = 'Intel, Hot Chips 2024'
const tera = 1e12
const gibibyte = 2 ** 30

/** A NeuronCore's tensor engine is a systolic array of 128 × 128 (AWS Neuron documentation). */
const neuronCore: MatrixTile = { rows: 128, n: 128, k: 128 }
/** Gaudi's matrix engines multiply 256 × 256 (Intel, Hot Chips 2024). */
const matrixEngine: MatrixTile = { rows: 256, n: 256, k: 1 }

/** Rates of NeuronLink-v2 and power of all Neuron chips are not published: absent. */
const aws: readonly DeviceSpec[] = [
  {
    name: 'trainium-1',
    vendor: 'AWS',
    memoryBytes: 32 * gibibyte,
    memoryBytesPerSecond: 820 * gibibyte,
    bf16FlopPerSecond: 190 * tera,
    fp8FlopPerSecond: 190 * tera,
    linkKind: 'other',
    source: neuron,
  },
  {
    name: 'trainium-2',
    vendor: 'AWS',
    memoryBytes: 96 * gibibyte,
    memoryBytesPerSecond: 2.9 * tera,
    bf16FlopPerSecond: 667 * tera,
    fp8FlopPerSecond: 1299 * tera,
    linkBytesPerSecond: 640e9,
    linkKind: 'other',
    source: `${neuron}; NeuronLink-v3 (1.28 TB/s, taken as both directions) not read again`,
  },
  {
    name: 'trainium-3',
    vendor: 'AWS',
    memoryBytes: 144 * gibibyte,
    memoryBytesPerSecond: 4.9 * tera,
    bf16FlopPerSecond: 671 * tera,
    fp8FlopPerSecond: 2517 * tera,
    linkBytesPerSecond: 1.28e12,
    linkKind: 'other',
    source: `${neuron}; NeuronLink-v4 2.56 TB/s, taken as both directions; 8 bits: MXFP8`,
  },
  {
    name: 'inferentia-2',
    vendor: 'AWS',
    memoryBytes: 32 * gibibyte,
    memoryBytesPerSecond: 820 * gibibyte,
    bf16FlopPerSecond: 190 * tera,
    fp8FlopPerSecond: 190 * tera,
    linkKind: 'other',
    source: neuron,
  },
]

const intel: readonly DeviceSpec[] = [
  {
    name: 'gaudi-2',
    vendor: 'Intel',
    memoryBytes: 96e9,
    memoryBytesPerSecond: 2.46 * tera,
    bf16FlopPerSecond: 432 * tera,
    fp8FlopPerSecond: 865 * tera,
    linkBytesPerSecond: 300e9,
    linkKind: 'other',
    thermalDesignPowerWatts: 600,
    source: `${hotChips}; 24 × 100 GbE; 8-bit rate not read again`,
  },
  {
    name: 'gaudi-3',
    vendor: 'Intel',
    memoryBytes: 128e9,
    memoryBytesPerSecond: 3.67 * tera,
    bf16FlopPerSecond: 1835 * tera,
    fp8FlopPerSecond: 1835 * tera,
    linkBytesPerSecond: 600e9,
    linkKind: 'other',
    thermalDesignPowerWatts: 900,
    source: `${hotChips}; 24 × 200 GbE; air-cooled`,
  },
]

const aliases: Readonly<Record<string, readonly string[]>> = {
  'trainium-1': ['Trainium1', 'trn1'],
  'trainium-2': ['Trainium2', 'trn2'],
  'trainium-3': ['Trainium3', 'trn3'],
  'inferentia-2': ['Inferentia2', 'inf2'],
  'gaudi-2': ['Gaudi2', 'HL-225'],
  'gaudi-3': ['Gaudi3', 'HL-325'],
}

const priced =
  (tile: MatrixTile) =>
  (spec: DeviceSpec): Accelerator & { aliases: readonly string[] } => ({
    aliases: aliases[spec.name]!,
    spec,
    tile,
    efficiency: unmeasured,
    assumptions: [unmeasuredSentence],
  })

export const chips = [...aws.map(priced(neuronCore)), ...intel.map(priced(matrixEngine))]
