// docs/devices.md: per chip figures, sources, calibration and errors, from what the device plugins provide.

/** @typedef {{ name: string, aliases?: readonly string[], options: any, build(options: any, context: object): { spec: Record<string, any> } }} DeviceProvider */

/**
 * @param {Record<string, any>[]} plugins what the packages of devices export
 * @param {Record<string, any[]>} calibrations of device-gpu
 * @returns {string}
 */
export function devicesPage(plugins, calibrations) {
  const devices = plugins
    .flatMap((exported) => providersOf(exported))
    .flatMap((provider) => {
      const spec = specOf(provider)
      return spec === undefined ? [] : [{ provider, spec }]
    })
  const figures = devices.map(({ provider, spec }) =>
    row([
      `\`${provider.name}\``,
      spec.vendor,
      figure(spec.memoryBytes, 2 ** 30, 'GiB'),
      figure(spec.memoryBytesPerSecond, 1e12, 'TB/s'),
      figure(spec.bf16FlopPerSecond, 1e12, ''),
      figure(spec.fp8FlopPerSecond, 1e12, ''),
      figure(spec.streamingMultiprocessors, 1, ''),
      figure(spec.l2Bytes, 2 ** 20, 'MiB'),
      spec.linkBytesPerSecond === undefined ? 'unknown' : `${round(spec.linkBytesPerSecond / 1e9)} GB/s ${spec.linkKind ?? ''}`.trim(),
      figure(spec.thermalDesignPowerWatts, 1, 'W'),
    ]),
  )
  const sources = devices.map(({ provider, spec }) => `- \`${provider.name}\`: ${spec.source}.`)
  const calibrated = Object.entries(calibrations).flatMap(([chip, releases]) =>
    releases.map(({ kernels, fittedTo, inherited, errors }) =>
      row([
        `\`${chip}\``,
        inherited ? `those of \`${fittedTo}\`` : 'its own',
        kernels,
        errors
          .map(
            (/** @type {any} */ { family, medianPercent, p90Percent }) =>
              `${family} ${medianPercent}${p90Percent === undefined ? '' : ` · ${p90Percent}`}`,
          )
          .join(', '),
      ]),
    ),
  )
  return [
    '# Devices',
    '',
    'Written by `npm run docs`; do not edit. A figure that is unknown is absent in the device, and asking for what needs it is an error that says so.',
    '',
    '## Figures',
    '',
    'Rates in 10¹² operations a second, dense, 16 bits with 32-bit accumulation and 8 bits; link: one direction, between accelerators of a node.',
    '',
    row(['device', 'vendor', 'memory', 'bandwidth', '16 bits', '8 bits', 'multiprocessors', 'L2', 'link', 'power']),
    row(['---', '---', '--:', '--:', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...figures,
    '',
    '## Sources',
    '',
    '"Vendor sheet": widely published, not read again for this table.',
    '',
    ...sources,
    '',
    '## Calibration of GPUs',
    '',
    'Without a bundle a GPU is priced by rooflines with efficiency curves fitted to public operator measurements. Errors in percent, median · 90th',
    'percentile, on whole curves that were left out of the fit: every m of an (n, k), every length and batch of a head shape, every token count of a',
    'layer of experts. A chip that was not measured inherits the curves of the nearest one; its errors are what predicting one measured chip with the',
    'curves of another gives: the median over all pairs, of one architecture where it inherits from its own, else of different ones. A run sums them up,',
    'weighted by time, beside TTFT, TPOT and throughput. `npm run fit` in `plugins/devices/gpu` fits again.',
    '',
    row(['device', 'curves', 'kernels of vLLM', 'errors']),
    row(['---', '---', '---', '---']),
    ...calibrated,
    '',
  ].join('\n')
}

/** @param {Record<string, any>} exported @returns {DeviceProvider[]} */
function providersOf(exported) {
  /** @type {DeviceProvider[]} */
  const provided = []
  for (const plugin of [...new Set(Object.values(exported))].filter((value) => typeof value?.setup === 'function'))
    plugin.setup({
      provide: (/** @type {{ id: string }} */ point, /** @type {DeviceProvider} */ one) => {
        if (point.id === 'servesim/device') provided.push(one)
      },
    })
  return provided
}

/** @param {DeviceProvider} provider @returns {Record<string, any> | undefined} */
function specOf(provider) {
  const parsed = provider.options.safeParse({})
  if (!parsed.success) return undefined
  return provider.build(parsed.data, { path: provider.name, model: 'any', tensorParallel: 1 }).spec
}

/** @param {number | undefined} value @param {number} unit @param {string} name */
function figure(value, unit, name) {
  return value === undefined ? 'unknown' : `${round(value / unit)} ${name}`.trim()
}

/** @param {number} value */
const round = (value) => Number(value.toPrecision(4))

/** @param {string[]} cells */
const row = (cells) => `| ${cells.join(' | ')} |`
