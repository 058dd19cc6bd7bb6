import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { ServesimError } from '@servesim/core'
import { fileError } from './files.js'
import type { Measurement } from './measure.js'
import type { Point } from './point.js'

/** What must agree for measurements of two runs to go into one bundle. */
export interface ProfileIdentity {
  device: string
  deviceName: string
  model: string
  dtype: string
  probe: string
  software: Record<string, string>
}

/** A line of the journal below its first. */
export interface JournalEntry {
  point: string
  /** As a person names it. */
  name: string
  measured?: Measurement
  /** The probe refused, or failed twice: why. */
  skipped?: string
}

const journalVersion = 1

/**
 * Everything that was measured, one line a point, written as it comes: a profiler that is killed loses at most the point it was at.
 */
export class Journal {
  readonly entries = new Map<string, JournalEntry>()
  private file: number

  /**
   * Goes on with the journal that lies there, or begins one.
   * @throws ServesimError SERVESIM_BAD_FILE where it belongs to another profile or cannot be written
   */
  constructor(
    readonly path: string,
    identity: ProfileIdentity,
  ) {
    const lines = existsSync(path) ? this.readComplete() : []
    if (lines.length > 0) this.take(lines, identity)
    try {
      this.file = openSync(path, 'a')
    } catch (error) {
      throw fileError(path, error)
    }
    if (lines.length === 0) this.write(`${JSON.stringify({ servesimJournal: journalVersion, identity })}\n`)
  }

  add(point: Point, entry: Omit<JournalEntry, 'point'>): void {
    const whole = { point: point.key, ...entry }
    this.write(`${JSON.stringify(whole)}\n`)
    this.entries.set(point.key, whole)
  }

  close(): void {
    closeSync(this.file)
  }

  private write(line: string): void {
    try {
      const bytes = Buffer.from(line)
      for (let done = 0; done < bytes.length; ) done += writeSync(this.file, bytes, done)
    } catch (error) {
      throw fileError(this.path, error)
    }
  }

  /** Lines up to the last line end; a torn one, from a kill or a full disk, is cut off. */
  private readComplete(): string[] {
    try {
      const bytes = readFileSync(this.path)
      const end = bytes.lastIndexOf('\n') + 1
      if (end < bytes.length) truncateSync(this.path, end)
      return bytes
        .subarray(0, end)
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
    } catch (error) {
      throw fileError(this.path, error)
    }
  }

  private take([head, ...rest]: string[], identity: ProfileIdentity): void {
    const first = this.parse(head!, 1) as { servesimJournal?: number; identity?: ProfileIdentity }
    if (first.servesimJournal !== journalVersion) throw this.bad('It was written by another release of servesim.')
    for (const [key, value] of Object.entries(identity)) {
      const before = first.identity?.[key as keyof ProfileIdentity]
      if (JSON.stringify(before) === JSON.stringify(value)) continue
      throw this.bad(`It belongs to another profile: ${key} was ${words(before)} and is ${words(value)} now.`)
    }
    rest.forEach((line, i) => {
      const entry = this.parse(line, i + 2) as JournalEntry
      if (typeof entry.point === 'string') this.entries.set(entry.point, entry)
    })
  }

  private parse(line: string, number: number): unknown {
    try {
      return JSON.parse(line)
    } catch {
      throw this.bad(`Line ${number} is no JSON.`)
    }
  }

  private bad(sentence: string): ServesimError {
    return new ServesimError(
      'SERVESIM_BAD_FILE',
      this.path,
      sentence,
      'Name another output folder, or drop what was measured with --fresh.',
    )
  }
}

function words(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : JSON.stringify(value ?? null)
}
