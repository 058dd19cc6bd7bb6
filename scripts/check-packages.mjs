// Packs every public package as it would be published and lets publint look at the tarballs.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { report, workspacePackages } from './workspace-packages.mjs'

/**
 * @param {string} root of the repository; its packages must be built
 * @returns {Promise<string[]>} one sentence per defect of a published package
 */
export async function packageProblems(root) {
  const folder = mkdtempSync(join(tmpdir(), 'servesim-pack-'))
  try {
    const filters = workspacePackages(root).flatMap(({ manifest }) => (manifest.private ? [] : ['--filter', manifest.name]))
    execFileSync('pnpm', [...filters, 'pack', '--pack-destination', folder], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    const problems = []
    for (const file of readdirSync(folder).sort()) {
      const tarball = new Uint8Array(readFileSync(join(folder, file))).buffer
      const { messages, pkg } = await publint({ pack: { tarball } })
      for (const message of messages) problems.push(`${pkg.name}: ${formatMessage(message, pkg, { color: false })}`)
    }
    return problems
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) report(await packageProblems(process.cwd()))
