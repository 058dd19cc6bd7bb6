import { execFile, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packPackages } from '../../../../scripts/check-packages.mjs'
import { publishAll } from '../../../../scripts/release.mjs'
import { buildEverything, root } from '../workspace.js'

export interface Printed {
  code: number
  /** stdout. */
  output: string
  /** stderr. */
  errors: string
  seconds: number
}

/** A registry on the loopback interface that holds every public package of the workspace, and npm set up to know no other. */
export class LoopbackRegistry {
  private constructor(
    readonly url: string,
    /** Everything that is written lies below. */
    readonly folder: string,
    private readonly stopServer: () => void,
  ) {}

  /** Starts an empty one. Packages of others come from the registry that npm is configured for. */
  static async start(): Promise<LoopbackRegistry> {
    const folder = mkdtempSync(join(tmpdir(), 'servesim-registry-'))
    const uplink = (await run(root, process.env, 'npm', 'config', 'get', 'registry')).output.trim()
    const server = fork(fileURLToPath(new URL('serve-registry.mjs', import.meta.url)), [join(folder, 'storage'), uplink], { silent: true })
    let said = ''
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', (data) => {
        said += String(data)
      })
    }
    const port = await new Promise<number>((resolve, reject) => {
      server.once('message', (message) => resolve((message as { port: number }).port))
      server.once('exit', (code) => reject(new Error(`The registry ended with ${code}: ${said}`)))
    })
    const url = `http://127.0.0.1:${port}/`
    const settings = [`registry=${url}`, `//127.0.0.1:${port}/:_authToken=anybody`, `cache=${join(folder, 'cache')}`]
    writeFileSync(join(folder, 'npmrc'), [...settings, 'audit=false', 'fund=false', 'update-notifier=false', ''].join('\n'))
    return new LoopbackRegistry(url, folder, () => void server.kill())
  }

  /** Publishes the workspace as a release would. */
  async publishWorkspace(): Promise<void> {
    buildEverything()
    const tarballs = join(this.folder, 'tarballs')
    mkdirSync(tarballs)
    await publishAll(root, packPackages(root, tarballs), { npmArguments: ['--userconfig', join(this.folder, 'npmrc')], atOnce: 3 })
  }

  /** An empty folder outside the workspace, with files; what is no text is written as JSON. */
  project(name: string, files: Record<string, unknown> = {}): string {
    const folder = join(this.folder, name)
    mkdirSync(folder, { recursive: true })
    writeBelow(folder, files)
    return folder
  }

  /** Runs npm or a program that it installed, as somebody would who has no other registry and no workspace. */
  run(cwd: string, program: string, ...args: string[]): Promise<Printed> {
    return run(cwd, this.environment(), program, ...args)
  }

  private environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|NODE_OPTIONS|NODE_ENV|INIT_CWD)/i.test(name))
    // A workspace's own programs on PATH would hide that an install lacks one.
    const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
    return { ...Object.fromEntries(own), PATH: path.join(delimiter), NO_COLOR: '1', npm_config_userconfig: join(this.folder, 'npmrc') }
  }

  stop(): void {
    this.stopServer()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

export function writeBelow(folder: string, files: Record<string, unknown>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content, null, 2))
  }
}

function run(cwd: string, env: NodeJS.ProcessEnv, program: string, ...args: string[]): Promise<Printed> {
  const start = performance.now()
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, maxBuffer: 2 ** 26, shell: process.platform === 'win32' }, (error, output, errors) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, output, errors, seconds: (performance.now() - start) / 1000 })
    })
  })
}
