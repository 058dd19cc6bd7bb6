import { startRun } from './start-run.js'

// Bundled for a browser's worker, whose `postMessage` Node's types do not know.
const worker = globalThis as unknown as { postMessage(message: unknown): void }
worker.postMessage(startRun())
