import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { registryPage } from './registry-page.mjs'
import { root } from './workspace.mjs'
import { workspacePackages } from './workspace-packages.mjs'

const small = mkdtempSync(join(tmpdir(), 'servesim-page-'))
afterAll(() => rmSync(small, { recursive: true }))

function put(file: string, content: unknown): void {
  mkdirSync(dirname(join(small, file)), { recursive: true })
  writeFileSync(join(small, file), typeof content === 'string' ? content : JSON.stringify(content))
}

const servesim = { kind: 'router', contract: 1, provides: ['a', 'b'] }
put('plugins/policies/router-a/package.json', { name: '@servesim/router-a', version: '1.2.3', description: 'Routes.', servesim })
put(
  'plugins/policies/router-a/README.md',
  `# a\n\n\`\`\`sh\nnpm install\n\`\`\`\n\n## Example\n\n\`\`\`yaml\nrouter: { use: a }\n${'# more\n'.repeat(20)}\`\`\`\n`,
)
put('node_modules/.cache/servesim/tests-short.json', {
  testResults: [
    {
      name: join(small, 'plugins/policies/router-a/test/conformance.test.ts'),
      assertionResults: [{ status: 'passed' }, { status: 'failed' }],
    },
  ],
})

/** What a row says, tags left out. */
const rowsOf = (page: string) =>
  page.split('\n').flatMap((line) =>
    line.startsWith('<tr><td>')
      ? [
          line
            .replaceAll(/<[^>]+>/g, ' ')
            .replaceAll(/ +/g, ' ')
            .trim(),
        ]
      : [],
  )

describe('the page of plugins', () => {
  test('has ours with kind, contract, version, conformance and example', () => {
    const page = registryPage(small, [])
    expect(page).toContain('1 plugins.')
    const [row] = rowsOf(page.replaceAll(/\n(?!<)/g, ' '))
    expect(row).toContain('@servesim/router-a router 1 1.2.3 1 of 2 laws Routes. a, b example router: { use: a }')
    expect(row!.match(/# more/g)).toHaveLength(11)
  })

  test('has those of others from saved answers of npm, and nothing twice', () => {
    const search = [
      { name: 'servesim-device-acme', version: '0.1.0', description: 'A chip.', keywords: ['servesim-plugin', 'servesim-device'] },
      { name: 'servesim-eviction-plain', version: '2.0.0', keywords: ['servesim-plugin'] },
      { name: '@servesim/router-a', version: '1.0.0', keywords: ['servesim-plugin'] },
      { name: 'left-pad', version: '1.0.0', keywords: ['string'] },
      null,
    ]
    const view = {
      name: 'servesim-router-b',
      version: '3.0.0',
      keywords: ['servesim-plugin'],
      servesim,
      readme: '## Example\n\n```yaml\nuse: b\n```\n',
    }
    const rows = rowsOf(registryPage(small, [search, view]).replaceAll(/\n(?!<)/g, ' '))
    expect(rows.map((row) => row.split(' ')[0])).toEqual([
      'servesim-device-acme',
      'servesim-eviction-plain',
      '@servesim/router-a',
      'servesim-router-b',
    ])
    expect(rows[0]).toBe('servesim-device-acme device – 0.1.0 not reported A chip.')
    expect(rows[1]).toContain('eviction – 2.0.0 not reported')
    expect(rows[3]).toContain('router 1 3.0.0 not reported a, b example use: b')
  })

  test('shows what others wrote as text, never as markup', () => {
    const evil = {
      name: 'servesim-router-<img src=x onerror=alert(1)>',
      version: '"><script>',
      description: '<script>alert(1)</script>',
      keywords: ['servesim-plugin'],
    }
    const page = registryPage(small, [[evil]])
    expect(page).not.toMatch(/<script|<img/)
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  })

  test('holds every plugin of this workspace', () => {
    const page = registryPage(root, [])
    for (const { manifest } of workspacePackages(root))
      if (manifest.servesim !== undefined) expect(page).toContain(`<code>${manifest.name}</code>`)
  })
})
