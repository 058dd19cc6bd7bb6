import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ServesimError } from '@servesim/core'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { System } from './systems.js'

/** A row of a table; latency in ms, counts as the database writes them. */
export type Row = Readonly<Record<string, string | number | bigint | null | undefined>>

/** Rows of one table, measured under one release of the engine. */
export interface Table {
  path: string
  release: string
  rows: readonly Row[]
}

/** Tables of one system under one engine; each file is read once and kept. */
export class SystemTables {
  private readonly read = new Map<string, Promise<readonly Row[]>>()

  /** @param engine folder of the engine, such as `vllm` */
  constructor(
    readonly system: System,
    readonly engine: string,
  ) {}

  /** Releases that hold a table, ascending. */
  releases(family: string, table: string): string[] {
    const folder = join(this.system.folder, family, this.engine)
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((release) => existsSync(join(folder, release, `${table}.parquet`)))
      .sort(compareReleases)
  }

  /**
   * The table of the release wanted, else the newest: as the database's own reader does.
   * @param sound rejects tables that cannot be measurements; the next newest is tried
   * @throws ServesimError SERVESIM_BAD_BUNDLE where no release has a sound one
   */
  async nearest(
    family: string,
    table: string,
    release: string | undefined,
    sound: (rows: readonly Row[]) => boolean = () => true,
  ): Promise<Table> {
    const releases = this.releases(family, table)
    const exact = releases.filter((candidate) => release !== undefined && position(candidate) === position(release))
    for (const candidate of [...exact, ...releases.toReversed()]) {
      const path = join(this.system.folder, family, this.engine, candidate, `${table}.parquet`)
      const rows = await this.rows(path)
      if (sound(rows)) return { path, release: candidate, rows }
    }
    throw new ServesimError(
      'SERVESIM_BAD_BUNDLE',
      join(this.system.folder, family, this.engine),
      `No release has a ${releases.length === 0 ? '' : 'sound '}table ${table} of ${this.system.name} under ${this.engine}.`,
      'Name another engine, or a folder of the database that holds it.',
    )
  }

  rows(path: string): Promise<readonly Row[]> {
    let rows = this.read.get(path)
    if (rows === undefined) {
      rows = readParquet(path)
      this.read.set(path, rows)
    }
    return rows
  }
}

async function readParquet(path: string): Promise<readonly Row[]> {
  try {
    return (await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors })) as Row[]
  } catch (error) {
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      path,
      `It is no table that can be read: ${(error as Error).message}.`,
      'Copy the file anew.',
    )
  }
}

function compareReleases(a: string, b: string): number {
  return position(a) - position(b)
}

function position(release: string): number {
  const [major = 0, minor = 0, patch = 0] = release.split('.').map((part) => Number.parseInt(part, 10) || 0)
  return major * 1000 + minor + patch / 100
}
