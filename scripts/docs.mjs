// `npm run docs`: writes what follows from the code: docs/errors.md and the options tables of READMEs, between their markers.
// With --check it only says what is out of date.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedDocs, outdated } from './generated-docs.mjs'
import { root } from './workspace.mjs'
import { report } from './workspace-packages.mjs'

const { files, problems } = await generatedDocs(root)
for (const file of outdated(root, files)) {
  if (process.argv.includes('--check')) {
    problems.push(`${file}: out of date; run \`npm run docs\`.`)
  } else {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), files.get(file) ?? '')
    console.log(`Wrote ${file}`)
  }
}
report(problems)
