import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { ServesimError } from '@servesim/core'
import { fileError } from './files.js'

interface Holder {
  pid: number
  /** When the process started, in ticks since boot: a number that is used again does not pass for it. */
  startedTicks: string
  host: string
}

/**
 * Keeps a folder for this process. A lock whose process is gone, killed perhaps, is taken over.
 * @returns gives it back
 * @throws ServesimError SERVESIM_BAD_FILE where another process works there
 */
export function lockFolder(folder: string): () => void {
  const file = join(folder, 'lock')
  const own = JSON.stringify({ pid: process.pid, startedTicks: startedTicks(process.pid), host: hostname() } satisfies Holder)
  const draft = join(folder, `lock.${process.pid}`)
  try {
    writeFileSync(draft, own)
    while (!tryLink(draft, file)) evictDead(file, folder)
  } catch (error) {
    throw fileError(file, error)
  } finally {
    rmSync(draft, { force: true })
  }
  return () => {
    if (readOrEmpty(file) === own) rmSync(file, { force: true })
  }
}

function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Takes the lock of a dead process away; of two who do so, one finds that what it moved was already the other's, and puts it back. */
function evictDead(file: string, folder: string): void {
  const found = readOrEmpty(file)
  const holder = parseHolder(found)
  if (holder !== undefined && isAlive(holder)) throw busy(folder, holder)
  const aside = `${file}.${process.pid}.dead`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (readOrEmpty(aside) !== found) tryLink(aside, file)
  rmSync(aside, { force: true })
}

function busy(folder: string, { pid, host }: Holder): ServesimError {
  return new ServesimError(
    'SERVESIM_BAD_FILE',
    folder,
    `Another profiler works on this folder: process ${pid} on ${host}.`,
    'Wait for it, end it, or name another output folder.',
  )
}

/** On another host nobody can tell, so it counts as alive. */
function isAlive({ pid, startedTicks: ticks, host }: Holder): boolean {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return startedTicks(pid) === ticks
}

/** Field 22 of `/proc/<pid>/stat`; empty where there is none. */
function startedTicks(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder
    return typeof holder.pid === 'number' ? holder : undefined
  } catch {
    return undefined
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
