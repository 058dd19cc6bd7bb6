/** A stack or chip whose maker published what it does inside. */
export interface PimPackage {
  name: string
  aliases: readonly string[]
  vendor: string
  /** What is counted: stacks, chips. */
  what: string
  usual: number
  bytes: number
  channels: number
  pinBytesPerSecond: number
  /** Past the multipliers, all banks together. */
  streamBytesPerSecond: number
  flopPerSecond: number
  readLatencyNs: number
  attentionNs: number
  source: string
}

/** Neither maker publishes what a command costs: as HBM2 in a DRAM simulation (LLMServingSim). */
const readLatencyNs = 14
const attentionNs = 14_513.5

export const packages: readonly PimPackage[] = [
  {
    name: 'hbm-pim',
    aliases: ['aquabolt-xl'],
    vendor: 'Samsung',
    what: 'stacks',
    usual: 16,
    bytes: 6 * 2 ** 30,
    channels: 16,
    pinBytesPerSecond: 307e9,
    streamBytesPerSecond: 1.228e12,
    flopPerSecond: 1.2e12,
    readLatencyNs,
    attentionNs,
    source: 'press on HBM-PIM: 1.2 TFLOPS a stack, four times the 307 GB/s at its pins; 6 GB not read again',
  },
  {
    name: 'gddr6-aim',
    aliases: ['aim'],
    vendor: 'SK hynix',
    what: 'chips',
    usual: 64,
    bytes: 2 ** 30,
    channels: 2,
    pinBytesPerSecond: 64e9,
    streamBytesPerSecond: 1e12,
    flopPerSecond: 1e12,
    readLatencyNs,
    attentionNs,
    source:
      'press on GDDR6-AiM: 16 Gb/s a pin, 32 pins; one multiplier per bank, 16 banks and 2 channels, 1 TFLOPS at 1 GHz not read again',
  },
]
