import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readBundle } from '@servesim/profile/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requestFor } from '../../test/support.js'
import { profile } from '../profile.js'
import { chartsOf } from './charts.js'
import { reportPage } from './page.js'

const cwd = mkdtempSync(join(tmpdir(), 'servesim-report-'))
const bundleFolder = join(cwd, 'bundle')
const page = join(cwd, 'page.html')
beforeAll(async () => {
  await profile(requestFor(bundleFolder, { targetErrorPct: 1000 }))
  writeFileSync(page, reportPage(readBundle(bundleFolder)))
})
afterAll(() => rmSync(cwd, { recursive: true }))

test('holds a chart of every operator and loads nothing', () => {
  const bundle = readBundle(bundleFolder)
  const titles = chartsOf(bundle).map((chart) => chart.title)
  for (const { operator } of bundle.shards[0]!.tokens) expect(titles).toContain(`${operator} (TP 1)`)
  expect(titles).toContain('attention: decodes (TP 1)')
  const html = reportPage(bundle)
  expect(html).not.toMatch(/<(link|img|iframe)|src=|@import|url\(/)
  expect(html).toContain('tp1/tokens qkv_proj')
})

test('says names as text', () => {
  const bundle = readBundle(bundleFolder)
  const named = { ...bundle, manifest: { ...bundle.manifest, deviceName: '</script><b>chip' } }
  expect(reportPage(named)).not.toContain('<b>chip')
})

test('a browser draws it', { timeout: 60_000 }, ({ skip }) => {
  const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
  if (spawnSync(chromium, ['--version'], { stdio: 'ignore' }).status !== 0) skip('no Chromium here')
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', ...quiet, `--user-data-dir=${join(cwd, 'chromium')}`]
  const drawn = execFileSync(chromium, [...flags, '--dump-dom', pathToFileURL(page).href], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  expect(drawn.match(/<canvas/g)).toHaveLength(chartsOf(readBundle(bundleFolder)).length)
})
