import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { updateApiReports } from './api-reports.mjs'
import { pluginNamesInCore } from './check-core-names.mjs'
import { manifestProblems } from './check-manifests.mjs'
import { packageProblems } from './check-packages.mjs'
import { generatedDocs, outdated } from './generated-docs.mjs'
import { publishOrder } from './release.mjs'
import { root } from './workspace.mjs'

// Every rule of `npm run check` must be able to fail: each finds what is planted in a copy of the repository.

let copy: string

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'servesim-check-'))
  const parts = [
    'packages',
    'plugins',
    'apps',
    'scripts',
    '.gitignore',
    '.dependency-cruiser.mjs',
    'biome.json',
    'knip.json',
    'package.json',
  ]
  for (const part of [...parts, 'pnpm-workspace.yaml', 'tsconfig.base.json', 'tsconfig.json', 'tsconfig.test.json', 'vitest.config.ts']) {
    cpSync(join(root, part), join(copy, part), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/[\\/](dist|\.turbo)$/.test(path),
    })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
})

afterAll(() => rmSync(copy, { recursive: true }))

function plant(file: string, text: string): void {
  mkdirSync(dirname(join(copy, file)), { recursive: true })
  writeFileSync(join(copy, file), text)
}

function plantInManifest(folder: string, change: (manifest: Record<string, unknown>) => void): void {
  const file = join(folder, 'package.json')
  const manifest = JSON.parse(readFileSync(join(copy, file), 'utf8'))
  change(manifest)
  plant(file, `${JSON.stringify(manifest, null, 2)}\n`)
}

/** Runs a root script of package.json in the copy; all that it printed. */
function check(task: string): string {
  const { scripts } = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'))
  const [command, ...args] = scripts[task].split(' ')
  const PATH = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const result = spawnSync(command, args, { cwd: copy, encoding: 'utf8', env: { ...process.env, PATH } })
  expect(result.status, result.stdout + result.stderr).not.toBe(0)
  return result.stdout + result.stderr
}

test('import rules find every arrow that points the wrong way', () => {
  plant('packages/core/src/planted.ts', `import '../../testkit/src/index.js'\nimport 'node:fs'\n`)
  plant('packages/models/src/planted.ts', `import '../../profile/src/index.js'\nimport './planted-too.js'\n`)
  plant('packages/models/src/planted-too.ts', `import './planted.js'\nimport 'not-installed'\n`)
  plant('packages/workload/src/planted.ts', `import 'node:fs'\n`)
  plant('packages/workload/src/node/planted.ts', `import 'node:fs'\n`)
  plant('packages/testkit/src/planted.ts', `import '../../cli/src/bin.js'\n`)
  plant('plugins/policies/eviction-lru/src/planted.ts', `import '@servesim/testkit'\nimport '../../router-round-robin/src/index.js'\n`)
  const found = check('check:imports')
  expect(found).toContain('error core-stands-alone: packages/core/src/planted.ts → packages/testkit/')
  expect(found).toContain('error runs-in-a-browser: packages/core/src/planted.ts → fs')
  expect(found).toContain('error around-core: packages/models/src/planted.ts → packages/profile/')
  expect(found).toContain('error runs-in-a-browser: packages/workload/src/planted.ts → fs')
  expect(found).not.toContain('packages/workload/src/node/planted.ts')
  expect(found).toContain('error nobody-imports-the-command-line: packages/testkit/src/planted.ts → packages/cli/')
  expect(found).toContain('error plugins-stand-apart: plugins/policies/eviction-lru/src/planted.ts → plugins/policies/router-round-robin/')
  expect(found).toContain('error plugins-stand-apart: plugins/policies/eviction-lru/src/planted.ts → packages/testkit/src/index.ts')
  expect(found).toMatch(/error no-circular: packages\/models\/src\/planted/)
  expect(found).toContain('error resolvable: packages/models/src/planted-too.ts → not-installed')
})

test('the search for unused code finds files, exports and dependencies', () => {
  plant('packages/report/src/nobody.ts', 'export const nobody = 1\n')
  plant('packages/report/src/somebody.ts', 'export const wanted = 1\nexport const unwanted = 2\n')
  plant('packages/report/src/somebody.test.ts', `import { wanted } from './somebody.js'\nimport 'not-listed'\nwanted.toFixed()\n`)
  plantInManifest('packages/report', (manifest) => {
    manifest.dependencies = { commander: '14.0.3' }
  })
  const found = check('check:unused')
  expect(found).toContain('packages/report/src/nobody.ts')
  expect(found).toMatch(/unwanted +packages\/report\/src\/somebody\.ts/)
  expect(found).not.toMatch(/^wanted/m)
  expect(found).toMatch(/commander +packages\/report\/package\.json/)
  expect(found).toMatch(/not-listed +packages\/report\/src\/somebody\.test\.ts/)
})

test('format and lint find what biome is asked to find', () => {
  plant('packages/core/src/ugly.ts', `import { readFileSync } from 'fs';\nexport const ugly:   any = 1\n`)
  const found = check('check:format')
  expect(found).toContain('packages/core/src/ugly.ts format')
  expect(found).toContain('lint/suspicious/noExplicitAny')
  expect(found).toContain('lint/correctness/noUnusedImports')
  expect(found).toContain('lint/style/useNodejsImportProtocol')
})

test('the type check covers tests and is strict', () => {
  plant(
    'packages/core/src/loose.test.ts',
    `const first: number = [1][0]\nconst maybe: { a?: number } = { a: undefined }\nexport { first, maybe }\n`,
  )
  plant(
    'tsconfig.test.json',
    JSON.stringify({ ...JSON.parse(readFileSync(join(copy, 'tsconfig.test.json'), 'utf8')), include: ['packages/core/src/loose*'] }),
  )
  const found = check('check:types')
  expect(found).toContain(`loose.test.ts(1,7): error TS2322: Type 'number | undefined'`)
  expect(found).toContain('exactOptionalPropertyTypes')
})

describe('core names no plugin', () => {
  test('in a string, a template, a literal type or an import', () => {
    plant(
      'packages/core/src/knows.ts',
      `import '@servesim/eviction-lru'\nexport type Router = 'least-loaded'\nexport const text = \`use \${1} prefix-caching\`\n`,
    )
    const found = pluginNamesInCore(copy).filter((problem) => problem.includes('knows.ts'))
    expect(found.map((problem) => problem.match(/:(\d+) names the plugin "(.+)"/)?.slice(1))).toEqual([
      ['1', '@servesim/eviction-lru'],
      ['2', 'least-loaded'],
      ['3', 'prefix-caching'],
    ])
  })

  test('but tests, comments and longer words may', () => {
    plant('packages/core/src/innocent.ts', `// prefix-caching\nexport const words = 'gpuMemoryUtilization'\n`)
    plant('packages/core/src/innocent.test.ts', `export const use = 'prefix-caching'\n`)
    expect(pluginNamesInCore(copy).filter((problem) => problem.includes('innocent'))).toEqual([])
  })
})

describe('a manifest keeps its promises', () => {
  const folder = 'plugins/policies/router-round-robin'
  const found = () => manifestProblems(copy).filter((problem) => problem.startsWith(`${folder}/`))

  test.each<[string, (manifest: Record<string, unknown>) => void]>([
    ['license must be', (manifest) => delete manifest.license],
    ['version is missing', (manifest) => delete manifest.version],
    ['description is missing', (manifest) => delete manifest.description],
    ['repository.directory must be', (manifest) => delete manifest.repository],
    ['keywords must hold "servesim"', (manifest) => delete manifest.keywords],
    ['keywords must hold "servesim-plugin"', (manifest) => delete manifest.keywords],
    ['files must hold "dist"', (manifest) => delete manifest.files],
    ['sideEffects must be false', (manifest) => delete manifest.sideEffects],
    ['exports has no "."', (manifest) => delete manifest.exports],
    [
      'exports["."] must begin with "@servesim/source"',
      (manifest) => Object.assign(manifest, { exports: { '.': { default: './dist/index.js' } } }),
    ],
    ['publishConfig.exports["."] must equal', (manifest) => delete manifest.publishConfig],
    ['peerDependencies["@servesim/core"] must be', (manifest) => delete manifest.peerDependencies],
    ['devDependencies["@servesim/core"] must be', (manifest) => delete manifest.devDependencies],
    ['servesim must be', (manifest) => delete manifest.servesim],
    [
      'references must be those of the dependencies',
      (manifest) => Object.assign(manifest, { dependencies: { '@servesim/models': 'workspace:^' } }),
    ],
  ])('%s', (problem, change) => {
    const before = readFileSync(join(copy, folder, 'package.json'), 'utf8')
    plantInManifest(folder, change)
    expect(found().join('\n')).toContain(problem)
    plant(`${folder}/package.json`, before)
    expect(found().join('\n')).not.toContain(problem)
  })

  test('and it runs the suite of its kind', () => {
    const file = `${folder}/test/conformance.test.ts`
    const before = readFileSync(join(copy, file), 'utf8')
    plant(file, `import '../src/index.js'\n`)
    expect(found().join('\n')).toContain(`${file}: must run the suite of its kind`)
    plant(file, before)
    expect(found()).toEqual([])
  })

  test('and its README has every part', () => {
    plantInManifest(folder, (manifest) => Object.assign(manifest, { dependencies: { zod: 'catalog:' } }))
    plant(`${folder}/src/options.ts`, `z.string().describe('a thing')\n`)
    plant(`${folder}/README.md`, '# other\n\n## Install\n\n## Example\n\nHere.\n')
    expect(found()).toEqual(
      [
        'must open with "# @servesim/router-round-robin".',
        'the opening must say what the package models and what it leaves out.',
        'the section "## Install" is missing or empty.',
        'the section "## Sources" is missing or empty.',
        'the section "## Dependencies" is missing or empty.',
        'the section "## Options" is missing or empty.',
        '"## Dependencies" must say why `zod` is there.',
      ].map((problem) => `${folder}/README.md: ${problem}`),
    )
    rmSync(join(copy, folder, 'README.md'))
    expect(found()).toEqual([`${folder}/README.md: missing.`])
  })
})

describe('published packages', () => {
  const hollow = { name: 'hollow', version: '1.0.0', type: 'module', exports: './dist/index.js' }
  const exported = { types: './dist/index.d.ts', default: './dist/index.js' }
  let small: string

  beforeEach(() => {
    small = mkdtempSync(join(tmpdir(), 'servesim-small-'))
    put('pnpm-workspace.yaml', 'packages: [packages/*]\nmanagePackageManagerVersions: false\n')
    put('pnpm-lock.yaml', '')
  })
  afterEach(() => rmSync(small, { recursive: true }))

  function put(file: string, content: string | object): void {
    mkdirSync(dirname(join(small, file)), { recursive: true })
    writeFileSync(join(small, file), typeof content === 'string' ? content : JSON.stringify(content))
  }

  test('that lack what they export are found', async () => {
    put('packages/hollow/package.json', hollow)
    expect(await packageProblems(small)).toContainEqual(
      expect.stringContaining('hollow: pkg.exports is ./dist/index.js but the file does not exist'),
    )
  })

  test('that import what they do not declare, lack types or name a registry are found, and so are addresses in the lockfile', async () => {
    put('packages/hollow/package.json', { ...hollow, exports: exported })
    put('packages/hollow/dist/index.js', `import { z } from 'zod'\nimport 'node:fs'\nimport 'hollow'\nexport const a = z\n`)
    put('packages/hollow/dist/index.d.ts', `export declare const a: import('@servesim/core').Plugin\n`)
    put('packages/untyped/package.json', { ...hollow, name: 'untyped' })
    put('packages/untyped/dist/index.js', 'export const a = 1\n')
    put('packages/untyped/dist/npmrc', '@acme:registry=https://npm.acme.example/\n')
    put('pnpm-lock.yaml', 'resolution: { tarball: https://npm.acme.example/a/-/a-1.0.0.tgz }\n')
    const found = await packageProblems(small)
    expect(found).toContainEqual(expect.stringContaining('dist/index.js imports "zod", which is no dependency.'))
    expect(found).toContainEqual(expect.stringContaining('dist/index.d.ts imports "@servesim/core", which is no dependency.'))
    expect(found).toContain('untyped: it has code and no types.')
    expect(found).toContainEqual(expect.stringContaining('untyped/dist/npmrc holds the address of a registry.'))
    expect(found).toContain('pnpm-lock.yaml holds the address of a registry.')
    expect(found.filter((problem) => /node:fs|imports "hollow"/.test(problem))).toEqual([])
  })

  test('go out after those that they depend on', () => {
    for (const [name, dependencies] of Object.entries({ a: { c: '1' }, b: {}, c: { b: '1' } }))
      put(`packages/${name}/package.json`, { name, version: '1.0.0', dependencies })
    expect(publishOrder(small).map((group) => group.map(({ manifest }) => manifest.name))).toEqual([['b'], ['c'], ['a']])
  })

  test('whose public surface differs from its page are found, and pages of nobody', () => {
    put('packages/core/package.json', { name: 'core', version: '1.0.0', type: 'module', publishConfig: { exports: { '.': exported } } })
    put('packages/core/dist/index.d.ts', 'export declare const one: number\n')
    put('docs/api/gone.api.md', '')
    const found = () => updateApiReports(small, true).problems
    expect(found()).toEqual([
      expect.stringContaining('docs/api/core.api.md: the public surface has changed'),
      expect.stringContaining('docs/api/gone.api.md: belongs to no package'),
    ])
    updateApiReports(small, false)
    expect(found()).toEqual([])
    expect(readFileSync(join(small, 'docs/api/core.api.md'), 'utf8')).toContain('export const one: number')
    put('packages/core/dist/index.d.ts', 'export declare const one: string\n')
    expect(found()).toHaveLength(1)
  })
})

test('generated documents that lag behind the code are found, and options without a table', async () => {
  const small = mkdtempSync(join(tmpdir(), 'servesim-docs-'))
  const put = (file: string, text: string) => {
    mkdirSync(dirname(join(small, file)), { recursive: true })
    writeFileSync(join(small, file), text)
  }
  const schema = { type: 'object', properties: { ageMs: { type: 'number', default: 1 } } }
  const plugin = `export const toy = { name: 'toy', setup: (host) => host.provide({}, { name: 'toy', options: { toJSONSchema: () => (${JSON.stringify(schema)}) } }) }`
  put('packages/core/package.json', '{"name":"core","type":"module"}')
  put('packages/core/dist/index.js', `export const errorCodes = { SERVESIM_TOY: 'A toy broke.' }`)
  for (const name of ['marked', 'bare']) {
    put(`plugins/toys/${name}/package.json`, `{"name":"${name}","type":"module","servesim":{}}`)
    put(`plugins/toys/${name}/dist/index.js`, plugin)
  }
  put('plugins/toys/marked/README.md', '# marked\n\n<!-- options -->\nold\n<!-- /options -->\n')
  const { files, problems } = await generatedDocs(small)
  expect(problems).toEqual([expect.stringContaining('plugins/toys/bare/README.md: needs')])
  expect(outdated(small, files)).toEqual(['docs/errors.md', 'plugins/toys/marked/README.md'])
  for (const [file, text] of files) put(file, text)
  expect(readFileSync(join(small, 'docs/errors.md'), 'utf8')).toContain('| `SERVESIM_TOY` | A toy broke. |')
  expect(readFileSync(join(small, 'plugins/toys/marked/README.md'), 'utf8')).toContain('| `ageMs` | `number` | `1` |')
  expect(outdated(small, files)).toEqual([])
  rmSync(small, { recursive: true })
})
