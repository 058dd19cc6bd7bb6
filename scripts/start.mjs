// `npm start`: from a fresh clone to a simulated workload. Arguments go to `servesim run`.
import { prepare, run } from './workspace.mjs'

prepare()
process.exitCode = run(process.execPath, ['packages/cli/dist/bin.js', 'run', ...process.argv.slice(2)])
