import type { Bundle, ShardTables } from '@servesim/profile'

/** A chart as the page draws it: points that were measured, joined by what the table says between them. */
export interface Chart {
  title: string
  xLabel: string
  /** One line each; `x` ascending, in µs. */
  series: { name: string; x: number[]; us: number[] }[]
}

/** Lines of one chart; of more, as many at even distances. */
const mostLines = 7

export function chartsOf(bundle: Bundle): Chart[] {
  return [
    ...bundle.shards.flatMap((shard) => shardCharts(shard)),
    ...(bundle.moe === undefined
      ? []
      : [
          lines(
            'moe: experts of one layer',
            'tokens',
            rowsOf(bundle.moe.latencyUs.length, (i) => [
              bundle.moe!.activatedExperts[i]!,
              bundle.moe!.tokens[i]!,
              bundle.moe!.latencyUs[i]!,
            ]),
            (experts) => `${experts} activated experts`,
          ),
        ]),
    ...(bundle.collectives.length === 0
      ? []
      : [
          {
            title: 'collectives',
            xLabel: 'bytes',
            series: bundle.collectives.map(({ collective, ranks, bytes, latencyUs }) => ({
              name: `${collective}, ${ranks} ranks`,
              x: [...bytes],
              us: [...latencyUs],
            })),
          },
        ]),
  ]
}

function shardCharts({ tensorParallel, tokens, sequences, attention }: ShardTables): Chart[] {
  const title = (name: string) => `${name} (TP ${tensorParallel})`
  const curves = (['tokens', 'sequences'] as const).flatMap((xLabel) =>
    (xLabel === 'tokens' ? tokens : sequences).map(({ operator, rows, latencyUs }) => ({
      title: title(operator),
      xLabel,
      series: [{ name: operator, x: [...rows], us: [...latencyUs] }],
    })),
  )
  const { newTokens, context, decodes, decodeContext, latencyUs } = attention
  const count = latencyUs.length
  const alone = rowsOf(count, (i) => (newTokens[i] === 0 ? [decodes[i]!, decodeContext[i]!, latencyUs[i]!] : undefined))
  const chunks = rowsOf(count, (i) => (newTokens[i]! > 0 && decodes[i] === 0 ? [context[i]!, newTokens[i]!, latencyUs[i]!] : undefined))
  const beside = rowsOf(count, (i) =>
    newTokens[i]! > 0 && decodes[i]! > 0 && context[i] === 0 ? [decodes[i]!, newTokens[i]!, latencyUs[i]!] : undefined,
  )
  return [
    ...curves,
    lines(title('attention: decodes'), 'context of each', alone, (n) => `${n} decodes`),
    lines(title('attention: a prefill chunk'), 'tokens of the chunk', chunks, (k) => `context ${k}`),
    ...(beside.length > 0
      ? [lines(title('attention: a chunk beside decodes, longest contexts'), 'tokens of the chunk', beside, (n) => `${n} decodes`)]
      : []),
  ]
}

type Row = [line: number, x: number, us: number]

function rowsOf(count: number, row: (i: number) => Row | undefined): Row[] {
  return Array.from({ length: count }, (_, i) => row(i)).filter((one) => one !== undefined)
}

function lines(title: string, xLabel: string, rows: readonly Row[], name: (line: number) => string): Chart {
  const all = [...new Set(rows.map(([line]) => line))].sort((a, b) => a - b)
  const shown =
    all.length <= mostLines ? all : Array.from({ length: mostLines }, (_, i) => all[Math.round((i * (all.length - 1)) / (mostLines - 1))]!)
  return {
    title,
    xLabel,
    series: shown.map((line) => {
      // Of several shapes at one x, such as batches of several contexts, the slowest.
      const slowest = new Map<number, number>()
      for (const [, x, us] of rows.filter(([one]) => one === line)) slowest.set(x, Math.max(us, slowest.get(x) ?? 0))
      const points = [...slowest].sort(([a], [b]) => a - b)
      return { name: name(line), x: points.map(([x]) => x), us: points.map(([, us]) => us) }
    }),
  }
}
