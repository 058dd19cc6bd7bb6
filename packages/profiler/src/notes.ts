import type { JournalEntry } from './journal.js'
import type { ProbeHello } from './protocol.js'

/** Noisier medians than this are named. */
const noisyPct = 5
const named = 5

/** What a reader of the tables should know about how they came to be. */
export function notesOf(entries: readonly JournalEntry[], hello: ProbeHello): string[] {
  const measured = entries.flatMap(({ name, measured }) => (measured === undefined ? [] : [{ name, ...measured }]))
  const clocks = measured.flatMap(({ clockMhz }) => clockMhz ?? [])
  const throttled = measured.filter((one) => one.throttled)
  const outliers = measured.filter((one) => one.outliers > 0).sort((a, b) => b.worstOutlier! - a.worstOutlier!)
  const noisy = measured.filter((one) => one.noisePct > noisyPct).sort((a, b) => b.noisePct - a.noisePct)
  const skipped = entries.filter((one) => one.skipped !== undefined)
  return [
    'Latencies are medians; measurements.jsonl has repeats, spread and outliers of each.',
    ...(hello.timing === 'simulated' ? ['Times come from a model of the chip, not from a clock.'] : []),
    ...(clocks.length > 0 ? [`Clock ${Math.min(...clocks)}–${Math.max(...clocks)} MHz.`] : []),
    ...(throttled.length > 0 ? [`The device throttled at ${list(throttled.map(({ name }) => name))}.`] : []),
    ...(outliers.length > 0
      ? [
          `Outliers at ${outliers.length} of ${measured.length} points, worst ${list(outliers.map((one) => `${one.name} ${one.worstOutlier!.toFixed(1)}×`))}.`,
        ]
      : []),
    ...(noisy.length > 0
      ? [`Medians uncertain by more than ${noisyPct} %: ${list(noisy.map((one) => `${one.name} ${one.noisePct.toFixed(0)} %`))}.`]
      : []),
    ...(skipped.length > 0 ? [`Not measured: ${list(skipped.map((one) => `${one.name}, ${one.skipped}`))}.`] : []),
  ]
}

function list(names: readonly string[]): string {
  const others = names.length - named
  return others > 0 ? `${names.slice(0, named).join('; ')} and ${others} others` : names.join('; ')
}
