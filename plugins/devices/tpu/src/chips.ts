import type { Accelerator, Efficiency, MatrixTile } from '@servesim/roofline'

/**
 * Shares of a TPU v6e's peaks under vLLM, fitted by `npm run fit` to LLMServingSim's profile of Llama-3.1-8B on one chip (`profiler/v0`:
 * 10,240 matrix products, 8,108 shapes of attention). Left out of the fit were whole curves: the README has the errors on them. An
 * operator's least time is that of the norms of a few tokens; the sampler was not measured there, its time is a GPU's.
 */
const fittedToV6e: Efficiency = {
  compute: 0.88,
  bandwidth: 0.91,
  attentionCompute: 0.052,
  prefillBandwidth: 0.891,
  decodeBandwidth: 0.291,
  launchUs: 0.56,
  attentionLaunchUs: 7.66,
  decodeSequenceUs: 2.31,
  samplingUs: 16,
}

/**
 * A systolic array holds a tile of weights while rows of activations pass through it: both sides of the weights are padded to its width,
 * and fewer rows than it is wide leave it waiting for the next tile. Widths: Google's TPU papers (128), Trillium and Ironwood pages (256).
 */
const systolic = (width: number): MatrixTile => ({ rows: width, n: width, k: width })

const cloudPages = 'Google Cloud TPU documentation'
const inherited = 'Operators come from a roofline whose efficiencies were fitted to a TPU v6e under vLLM; this generation was not measured.'

interface Figures {
  name: string
  aliases: readonly string[]
  width: number
  memoryGiB: number
  memoryTBps: number
  bf16Tflops: number
  fp8Tflops?: number
  /** One direction, all links of a chip, GB/s. */
  linkGBps: number
  watts?: number
  source: string
}

/** Figures as published; power is published for v4 alone. */
const figures: readonly Figures[] = [
  {
    name: 'tpu-v4',
    aliases: ['TPU-v4'],
    width: 128,
    memoryGiB: 32,
    memoryTBps: 1.228,
    bf16Tflops: 275,
    linkGBps: 300,
    watts: 192,
    source: 'TPU v4 paper (ISCA 2023), not read again; ICI 2400 Gb/s; power: measured maximum',
  },
  {
    name: 'tpu-v5e',
    aliases: ['TPU-v5e', 'TPU-v5-lite'],
    width: 128,
    memoryGiB: 16,
    memoryTBps: 0.819,
    bf16Tflops: 197,
    linkGBps: 200,
    source: `${cloudPages}; ICI 1600 Gb/s`,
  },
  {
    name: 'tpu-v5p',
    aliases: ['TPU-v5p'],
    width: 128,
    memoryGiB: 95,
    memoryTBps: 2.765,
    bf16Tflops: 459,
    fp8Tflops: 459,
    linkGBps: 600,
    source: `${cloudPages}; ICI 4800 Gb/s in one direction`,
  },
  {
    name: 'tpu-v6e',
    aliases: ['TPU-v6e', 'TPU-v6e-1', 'trillium'],
    width: 256,
    memoryGiB: 32,
    memoryTBps: 1.64,
    bf16Tflops: 918,
    fp8Tflops: 918,
    linkGBps: 400,
    source: `${cloudPages}; ICI 3200 Gb/s in one direction`,
  },
  {
    name: 'tpu-v7',
    aliases: ['TPU-v7', 'TPU7x', 'ironwood'],
    width: 256,
    memoryGiB: 192,
    memoryTBps: 7.38,
    bf16Tflops: 2307,
    fp8Tflops: 4614,
    linkGBps: 600,
    source: `${cloudPages}; bandwidth and ICI (1200 GB/s in both directions) not read again`,
  },
]

export const chips: readonly (Accelerator & { aliases: readonly string[] })[] = figures.map((chip) => ({
  aliases: chip.aliases,
  spec: {
    name: chip.name,
    vendor: 'Google',
    memoryBytes: chip.memoryGiB * 2 ** 30,
    memoryBytesPerSecond: chip.memoryTBps * 1e12,
    bf16FlopPerSecond: chip.bf16Tflops * 1e12,
    ...(chip.fp8Tflops !== undefined && { fp8FlopPerSecond: chip.fp8Tflops * 1e12 }),
    linkBytesPerSecond: chip.linkGBps * 1e9,
    linkKind: 'ici',
    ...(chip.watts !== undefined && { thermalDesignPowerWatts: chip.watts }),
    source: chip.source,
  },
  tile: systolic(chip.width),
  efficiency: fittedToV6e,
  // Mean of the three families' medians on curves left out; the other generations were not measured.
  ...(chip.name === 'tpu-v6e' && { leftOutError: 0.065 }),
  assumptions: [
    chip.name === 'tpu-v6e'
      ? 'Operators come from a roofline fitted to a TPU v6e under vLLM (median and P90 error on curves left out: matrix products 13 and 43 %, decode attention 1.5 and 6 %, prefill attention 4.7 and 18 %).'
      : inherited,
    `Weights are padded to ${chip.width} × ${chip.width} and tokens to ${chip.width}, as a systolic array of that width takes them.`,
  ],
}))
