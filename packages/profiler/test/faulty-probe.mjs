// @ts-nocheck: plain JavaScript, as the probe that it breaks.
// Stands between profiler and chip-probe.mjs and breaks every measurement of one operator in the way that is asked, once where a file is
// named: faulty-probe.mjs <fault> <operator> [once-file]. With `delay` every measurement takes so many ms.
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const [fault, operator, onceFile] = process.argv.slice(2)
const chip = spawn(process.execPath, [fileURLToPath(new URL('chip-probe.mjs', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] })
chip.on('exit', () => process.exit(0))
createInterface({ input: chip.stdout }).on('line', (line) => process.stdout.write(`${line}\n`))

const timesOf = (message, us) => ({ type: 'times', id: message.id, us: Array.from({ length: message.repeats }, () => us) })
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

const faults = {
  crash() {
    process.stderr.write('Segmentation fault (simulated)\n')
    process.exit(3)
  },
  hang() {},
  garbage: () => process.stdout.write('warming up the chip …\n'),
  flood: () => process.stdout.write('x'.repeat(3e6)),
  negative: (message) => say(timesOf(message, -4)),
  zero: (message) => say(timesOf(message, 0)),
  nothing: (message) => say(timesOf(message, null)),
  slow: (message) => say(timesOf(message, 1e15)),
  fast: (message) => say(timesOf(message, 1e-12)),
  few: (message) => say({ ...timesOf(message, 5), us: [5] }),
  stranger: (message) => say({ ...timesOf(message, 5), id: 999999 }),
  half(message) {
    process.stdout.write(JSON.stringify(timesOf(message, 5)).slice(0, 20), () => process.exit(0))
  },
  memory: (message) => say({ type: 'error', id: message.id, reason: 'out-of-memory', message: 'no room for the KV cache' }),
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line)
    if (fault === 'delay') return setTimeout(() => chip.stdin.write(`${line}\n`), Number(operator))
    const isDue = message.type === 'measure' && message.operator.name === operator && (onceFile === undefined || !existsSync(onceFile))
    if (!isDue) return chip.stdin.write(`${line}\n`)
    if (onceFile !== undefined) writeFileSync(onceFile, '')
    faults[fault](message)
  })
  .on('close', () => chip.stdin.end())
