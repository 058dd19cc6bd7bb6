import type { ServesimError } from '@servesim/core'
import type { Dtype } from './dtype.js'
import { defaultRepeats, type Measurement, measurePoint, type RepeatPolicy } from './measure.js'
import { describePoint, type Point } from './point.js'
import { Probe, type ProbeTimeouts } from './probe.js'
import type { ProbeCommand } from './probe-command.js'
import { ProbeFault } from './probe-fault.js'
import type { ProbeHello } from './protocol.js'

export interface SessionOptions {
  command: ProbeCommand
  /** The probe as the user wrote it, for errors. */
  name: string
  timeouts: ProbeTimeouts
  repeats?: RepeatPolicy
  /** What happened and is not fatal. */
  onNote?(sentence: string): void
}

/** What became of a point. */
export type Outcome = { measured: Measurement } | { skipped: string } | { fault: ServesimError }

/** Measures points through a probe that is started again when it fails: once for each point, then the fault is the point's outcome. */
export class ProbeSession {
  private probe: Probe | undefined
  private first: ProbeHello | undefined

  constructor(private readonly options: SessionOptions) {}

  /** @throws ServesimError SERVESIM_PROBE_FAILED */
  async hello(): Promise<ProbeHello> {
    try {
      return (await this.running()).hello
    } catch (error) {
      throw error instanceof ProbeFault ? error.asError(this.options.name) : error
    }
  }

  async measure(point: Point, dtype: Dtype): Promise<Outcome> {
    const { name, repeats = defaultRepeats, onNote } = this.options
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await measurePoint(await this.running(), point, dtype, repeats)
        if (!('type' in answer)) return { measured: answer }
        if (answer.reason !== 'failed') return { skipped: `${answer.reason}: ${answer.message}` }
        throw new ProbeFault(`It refused: ${answer.message}.`, 'Run `servesim probe check` on it.')
      } catch (error) {
        if (!(error instanceof ProbeFault)) throw error
        this.kill()
        const where = `${name}: ${describePoint(point)}`
        if (attempt === 2) return { fault: error.asError(where) }
        onNote?.(`${where}: ${error.sentence} Started again.`)
      }
    }
  }

  async close(): Promise<void> {
    await this.probe?.close()
    this.probe = undefined
  }

  kill(): void {
    this.probe?.kill()
    this.probe = undefined
  }

  private async running(): Promise<Probe> {
    if (this.probe !== undefined) return this.probe
    const probe = await Probe.start(this.options.command, this.options.timeouts)
    this.first ??= probe.hello
    if (probe.hello.device.name !== this.first.device.name) {
      probe.kill()
      throw new ProbeFault(
        `Started again it measures "${probe.hello.device.name}", before it was "${this.first.device.name}".`,
        'Let the probe choose one device and keep to it.',
      )
    }
    this.probe = probe
    return probe
  }
}
