import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ServesimError } from '@servesim/core'
import { type Bundle, bundleSchemaVersion, leftOutPoints, manifestFile } from '@servesim/profile'
import { recoverBundle, writeBundle } from '@servesim/profile/node'
import { assemble } from './assemble.js'
import { chooseDtype, type Dtype } from './dtype.js'
import { fileError } from './files.js'
import { Journal, type JournalEntry } from './journal.js'
import { lockFolder } from './lock.js'
import { notesOf } from './notes.js'
import { planOf } from './plan.js'
import { describePoint, type Point } from './point.js'
import type { ProbeHello } from './protocol.js'
import { leftOutSummary, refinements, type Sample } from './refine.js'
import type { ProfileRequest, ProfileResult } from './request.js'
import { ProbeSession } from './session.js'
import { quantile } from './statistics.js'
import { supported } from './supported.js'
import { verify } from './verify.js'

/** Rounds of refinement halve distances; eight divide an octave into 256. */
const mostRounds = 8
/** Left-out points of mixed attention that a round looks at. */
const lookedAt = 60
/** After so many the rest of an operator is not tried. */
const faultsInARow = 3
/** Points by whose pace the time left is told. */
const paceOver = 30

/**
 * Measures the operators of a model on a device and writes a bundle. Killed at any instant, the same call goes on where it was; the
 * bundle appears at once and whole.
 * @returns undefined where `signal` stopped it
 * @throws ServesimError SERVESIM_PROBE_FAILED, SERVESIM_BAD_FILE, SERVESIM_CAPABILITY_MISMATCH, SERVESIM_BAD_BUNDLE, and
 *   SERVESIM_BAD_OPTION where the budget ended before the plan did
 */
export async function profile(request: ProfileRequest): Promise<ProfileResult | undefined> {
  const folder = resolve(request.output)
  const work = `${folder}.profiling`
  makeFolder(work)
  const unlock = lockFolder(work)
  try {
    recoverBundle(folder)
    checkTarget(folder, request)
    return await new ProfileRun(request, folder, work).run()
  } finally {
    unlock()
    // Gone once the bundle is written; else it holds the journal.
    if (!existsSync(join(work, journalFile))) rmSync(work, { recursive: true, force: true })
  }
}

const journalFile = 'journal.jsonl'

class ProfileRun {
  private readonly startMs = performance.now()
  private readonly session: ProbeSession
  private readonly samples: Sample[] = []
  private readonly pace: number[] = []
  private journal!: Journal
  private dtype!: Dtype
  /** Points of an operator that failed one after the other. */
  private readonly faults = new Map<string, number>()
  private measured = 0
  private done = 0

  constructor(
    private readonly request: ProfileRequest,
    private readonly folder: string,
    private readonly work: string,
  ) {
    const { probe, probeName, timeouts, repeats, onNote } = request
    this.session = new ProbeSession({
      command: probe,
      name: probeName,
      timeouts,
      ...(repeats !== undefined && { repeats }),
      ...(onNote !== undefined && { onNote }),
    })
  }

  async run(): Promise<ProfileResult | undefined> {
    const { signal } = this.request
    const stop = () => this.session.kill()
    signal?.addEventListener('abort', stop)
    try {
      const hello = await this.session.hello()
      const plan = this.plan(hello)
      this.openJournal(hello)
      const unrefined = await this.measureAll(plan)
      if (unrefined === undefined) return undefined
      await this.session.close()
      return this.write(hello, unrefined)
    } finally {
      signal?.removeEventListener('abort', stop)
      this.session.kill()
      this.journal?.close()
    }
  }

  private plan(hello: ProbeHello): Point[] {
    const { model, tensorParallel, limits, dtype, probeName } = this.request
    this.dtype = chooseDtype(hello, dtype, model.weightBytesPerElement, probeName)
    return supported(planOf(model, tensorParallel, limits, hello.ranks), hello, probeName)
  }

  private openJournal(hello: ProbeHello): void {
    const { device, model, fresh } = this.request
    const path = join(this.work, journalFile)
    if (fresh) rmSync(path, { force: true })
    const probe = `${hello.probe.name} ${hello.probe.release}`
    this.journal = new Journal(path, {
      device,
      deviceName: hello.device.name,
      model: model.id,
      dtype: this.dtype.name,
      probe,
      software: hello.software,
    })
  }

  /** @returns how many points refinement would still add, or undefined where it was stopped */
  private async measureAll(plan: readonly Point[]): Promise<number | undefined> {
    let next = plan
    let planned = plan.length
    for (let round = 0; ; round++) {
      for (const [i, point] of next.entries()) {
        if (this.request.signal?.aborted) return undefined
        if (this.isOver() && !this.journal.entries.has(point.key)) {
          if (round > 0) return next.length - i
          throw this.cutShort(plan)
        }
        this.tell(point, planned, round)
        if ((await this.take(point)) === 'stopped') return undefined
      }
      const wanted = this.wanted()
      if (wanted.length === 0 || round === mostRounds) return wanted.length
      next = wanted
      planned += wanted.length
    }
  }

  private async take(point: Point): Promise<'taken' | 'stopped'> {
    this.done++
    const known = this.journal.entries.get(point.key)
    const entry = known ?? (await this.measure(point))
    if (entry === undefined) return 'stopped'
    if (entry.measured !== undefined) this.samples.push({ point, us: entry.measured.us, noisePct: entry.measured.noisePct })
    return 'taken'
  }

  private async measure(point: Point): Promise<JournalEntry | undefined> {
    const startMs = performance.now()
    const { name } = point.series.operator
    const isHopeless = (this.faults.get(name) ?? 0) >= faultsInARow
    const outcome = isHopeless ? { skipped: `its last ${faultsInARow} points failed` } : await this.session.measure(point, this.dtype)
    if (this.request.signal?.aborted && 'fault' in outcome) return undefined
    if ('fault' in outcome) {
      if (!this.request.skipFaulty) throw outcome.fault
      this.faults.set(name, (this.faults.get(name) ?? 0) + 1)
    } else if (!isHopeless) this.faults.delete(name)
    const what = 'fault' in outcome ? { skipped: outcome.fault.message } : outcome
    this.journal.add(point, { name: describePoint(point), ...what })
    this.measured++
    this.pace.push(performance.now() - startMs)
    if (this.pace.length > paceOver) this.pace.shift()
    return this.journal.entries.get(point.key)
  }

  private wanted(): Point[] {
    const { targetErrorPct } = this.request
    const wanted = refinements(this.samples, leftOutPoints(this.assemble(undefined), lookedAt), targetErrorPct)
    return wanted.filter(({ key }) => !this.samples.some(({ point }) => point.key === key) && !this.journal.entries.get(key)?.skipped)
  }

  private tell(point: Point, planned: number, round: number): void {
    const pace = this.pace.length === 0 ? undefined : this.pace.reduce((a, b) => a + b, 0) / this.pace.length
    const leftMs = pace === undefined ? undefined : pace * (planned - this.done)
    this.request.onProgress?.({ done: this.done, planned, leftMs, now: describePoint(point), round })
  }

  private isOver(): boolean {
    const { budgetMs } = this.request
    return budgetMs !== undefined && performance.now() - this.startMs > budgetMs
  }

  private cutShort(plan: readonly Point[]): ServesimError {
    const ready = plan.filter(({ key }) => this.journal.entries.has(key)).length
    return new ServesimError(
      'SERVESIM_BAD_OPTION',
      '--budget',
      `The budget ended with ${ready} of ${plan.length} planned points measured; no bundle is written before all are.`,
      'They are kept: run the same command again to go on, with a longer budget or smaller limits.',
    )
  }

  private assemble(hello: ProbeHello | undefined): Bundle {
    const { device, model, modelConfig, tensorParallel, limits, release } = this.request
    const entries = [...this.journal.entries.values()]
    return assemble(this.samples, {
      device,
      model,
      modelConfig,
      dtype: this.dtype.name,
      bytesPerElement: this.dtype.bytes,
      tensorParallel,
      limits,
      hello: hello ?? anyProbe,
      release,
      measuredAt: new Date().toISOString(),
      leastRepeats: Math.min(...entries.map((entry) => entry.measured?.repeats ?? Number.POSITIVE_INFINITY)),
      notes: hello === undefined ? [] : notesOf(entries, hello),
    })
  }

  private write(hello: ProbeHello, unrefined: number): ProfileResult {
    const { request, folder } = this
    const bundle = this.assemble(hello)
    verify(bundle, request)
    const leftOut = leftOutPoints(bundle, lookedAt)
    const measurements = readFileSync(this.journal.path, 'utf8')
    try {
      writeBundle(bundle, folder, { replace: request.replace, files: { 'measurements.jsonl': measurements } })
    } catch (error) {
      throw fileError(folder, error)
    }
    rmSync(this.journal.path)
    const entries = [...this.journal.entries.values()]
    const measurementsOf = entries.flatMap((entry) => entry.measured ?? [])
    const noises = this.samples.map((sample) => sample.noisePct).sort((a, b) => a - b)
    return {
      folder,
      measured: this.measured,
      resumed: entries.length - this.measured,
      skipped: entries.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [{ name, why: skipped }])),
      error: leftOutSummary(leftOut),
      noise: { medianPct: quantile(noises, 0.5), p90Pct: quantile(noises, 0.9) },
      outliers: measurementsOf.reduce((sum, one) => sum + one.outliers, 0),
      repeats: measurementsOf.reduce((sum, one) => sum + one.repeats, 0),
      throttled: measurementsOf.filter((one) => one.throttled).length,
      unrefined,
      tookMs: performance.now() - this.startMs,
    }
  }
}

/** While refining nobody asks who measured. */
const anyProbe: ProbeHello = {
  type: 'hello',
  protocol: 1,
  probe: { name: 'probe', release: '1' },
  device: { name: 'device', vendor: 'unknown' },
  software: {},
  launch: 'eager',
  timing: 'device',
  dtypes: ['none'],
  operators: ['none'],
  ranks: 1,
}

/** Before hours are spent on what could not be written. */
function checkTarget(folder: string, { output, replace }: ProfileRequest): void {
  if (!existsSync(folder)) return
  if (!existsSync(join(folder, manifestFile)))
    throw new ServesimError('SERVESIM_BAD_FILE', output, 'The folder exists and is no bundle.', 'Name another folder with -o.')
  const schemaVersion = replace ? versionOf(join(folder, manifestFile)) : undefined
  if (schemaVersion !== undefined && schemaVersion > bundleSchemaVersion)
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      output,
      `The bundle that lies here has format version ${schemaVersion}; this release of servesim writes ${bundleSchemaVersion}.`,
      'Update servesim, or name another folder with -o.',
    )
  if (!replace)
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      output,
      'A bundle lies here already.',
      'Name another folder with -o, or --replace it once the new one is complete.',
    )
}

/** Undefined where the file is broken: such a bundle may be replaced. */
function versionOf(file: string): number | undefined {
  try {
    const { schemaVersion } = JSON.parse(readFileSync(file, 'utf8')) as { schemaVersion?: unknown }
    return typeof schemaVersion === 'number' ? schemaVersion : undefined
  } catch {
    return undefined
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(dirname(folder), { recursive: true })
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw fileError(folder, error)
  }
}
