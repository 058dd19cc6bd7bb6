import type { Simulation } from '@servesim/core'
import { count } from '@servesim/report'
import type { Terminal } from './terminal.js'

/** Events between two looks at the clock: some milliseconds of work. */
const sliceEvents = 10_000
const watchedEveryMs = 100
const loggedEveryMs = 1000
const barWidth = 30

/** Runs a simulation to its end and says on stderr how far it is: a line redrawn where somebody watches, else a line per second. */
export function runWithProgress(simulation: Simulation, terminal: Terminal): void {
  const everyMs = terminal.isWatched ? watchedEveryMs : loggedEveryMs
  let nextMs = performance.now() + (terminal.isWatched ? 0 : everyMs)
  const show = () => terminal.note(terminal.isWatched ? `\r${line(simulation)}\u001b[K` : `${line(simulation)}\n`)
  while (!simulation.advance({ maxEvents: sliceEvents })) {
    if (performance.now() < nextMs) continue
    show()
    nextMs = performance.now() + everyMs
  }
  if (!terminal.isWatched) return
  show()
  terminal.note('\n')
}

function line(simulation: Simulation): string {
  const { finished, refused, aborted, lost, steps, nowNs } = simulation.snapshot()
  const done = finished + refused + aborted + lost
  const total = simulation.requestCount
  const clock = `${(nowNs / 1e9).toFixed(1)} s simulated, ${count(steps)} steps`
  if (total === undefined) return `Simulating: ${count(done)} requests done, ${clock}`
  const share = done / total
  const filled = Math.round(share * barWidth)
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled)
  return `Simulating ${bar} ${Math.floor(share * 100)} %  ${count(done)} of ${count(total)} requests, ${clock}`
}
