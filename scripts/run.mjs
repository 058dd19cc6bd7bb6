// `node scripts/run.mjs <file> …`: runs a program of this repository from a fresh clone.
import { prepare, run } from './workspace.mjs'

prepare()
process.exitCode = run(process.execPath, process.argv.slice(2))
