import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Bundle, inspectBundle, type LeftOutPoint, leftOutPoints } from '@servesim/profile'
import { leftOutSummary } from '../refine.js'
import { chartsOf } from './charts.js'

/** Left-out points of mixed attention that are read back: of a large table more would take minutes. */
const lookedAt = 200
const worstShown = 25

/**
 * One self-contained HTML page on a bundle: what was measured, a chart of each operator, and how well the tables predict points that are
 * left out. It loads nothing.
 */
export function reportPage(bundle: Bundle): string {
  const { manifest, warnings } = inspectBundle(bundle)
  const leftOut = leftOutPoints(bundle, lookedAt)
  const facts: [string, string | undefined][] = [
    ['Model', manifest.model],
    ['Types', `${manifest.dtype}, KV cache ${manifest.kvCacheDtype}`],
    ['Tensor parallel', manifest.tensorParallel.join(', ')],
    [
      'Engine',
      `${manifest.engine.name} ${manifest.engine.release}, ${manifest.launch === 'eager' ? 'launched one by one' : 'replayed from graphs'}`,
    ],
    [
      'Software',
      Object.entries(manifest.software)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['Measured', manifest.measuredAt],
    ['Profiler', `${manifest.profiler.name} ${manifest.profiler.release}, at least ${manifest.measurementIterations} timings a point`],
  ]
  const title = [manifest.device, manifest.deviceName].filter(Boolean).join(': ')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${asset('uplot/dist/uPlot.min.css')}${style}</style>
<h1>${escaped(title)}</h1>
<dl>${facts.flatMap(([name, value]) => (value ? [`<dt>${name}<dd>${escaped(value)}`] : [])).join('')}</dl>
${list([...manifest.notes, ...warnings])}
<h2>Left-out points</h2>
<p>Every inner point is left out in turn and read back from the others, by the rules that a simulation reads between points with; so these errors
are those of a table half as dense as this one.</p>
${errorTable(leftOut)}
<h2>Operators</h2>
<div id="charts"></div>
<h2>Worst left-out points</h2>
${worstTable(leftOut)}
<script>${asset('uplot/dist/uPlot.iife.min.js')}</script>
<script>const charts = ${JSON.stringify(chartsOf(bundle)).replaceAll('<', '\\u003c')};${drawing}</script>
</html>
`
}

function errorTable(leftOut: readonly LeftOutPoint[]): string {
  const groups = new Map<string, LeftOutPoint[]>([['all', [...leftOut]]])
  for (const point of leftOut) {
    const name = `${point.table.replace('.csv', '')} ${point.operator}`
    groups.set(name, [...(groups.get(name) ?? []), point])
  }
  const rows = [...groups].map(([name, points]) => {
    const { medianPct, p90Pct, worstPct } = leftOutSummary(points)
    return [name, String(points.length), ...[medianPct, p90Pct, worstPct].map((value) => `${value.toFixed(2)} %`)]
  })
  return table(['Operator', 'points', 'median', 'P90', 'worst'], rows)
}

function worstTable(leftOut: readonly LeftOutPoint[]): string {
  const worst = leftOut.toSorted((a, b) => Math.abs(b.errorPct) - Math.abs(a.errorPct)).slice(0, worstShown)
  const rows = worst.map(({ table: name, operator, shape, measuredUs, predictedUs, errorPct }) => [
    `${name.replace('.csv', '')} ${operator}`,
    Object.entries(shape)
      .map(([axis, value]) => `${axis} ${value}`)
      .join(', '),
    `${measuredUs.toPrecision(4)} µs`,
    `${predictedUs.toPrecision(4)} µs`,
    `${errorPct > 0 ? '+' : ''}${errorPct.toFixed(1)} %`,
  ])
  return table(['Operator', 'shape', 'measured', 'from the others', 'error'], rows)
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]) => row.map((cell) => `<${tag}>${escaped(cell)}`).join('')
  return `<table><thead><tr>${cells('th', titles)}<tbody>${rows.map((row) => `<tr>${cells('td', row)}`).join('')}</table>`
}

function list(sentences: readonly string[]): string {
  return sentences.length === 0 ? '' : `<ul>${sentences.map((sentence) => `<li>${escaped(sentence)}`).join('')}</ul>`
}

function asset(path: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(path), 'utf8')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

const style = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1.5rem } dt { color: #666 } dd { margin: 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { text-align: right; padding: .15rem .8rem; border-bottom: 1px solid #eee }
th:first-child, td:first-child { text-align: left } th { color: #666; font-weight: 500 }
#charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)); gap: 1.5rem } .u-title { font-size: 14px } .u-legend { font-size: 12px }
`

/** Joins the series of a chart over one x axis, as uPlot wants them, both axes logarithmic. */
const drawing = `
const colours = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d'];
for (const chart of charts) {
  const from = chart.series.some((s) => s.x[0] < 1) ? 1 : 0;
  const joined = uPlot.join(chart.series.map((s) => [s.x.map((x) => x + from), s.us]));
  const tick = (v) => (v === null ? '' : v >= 1e6 ? v / 1e6 + 'M' : v >= 1e4 ? v / 1e3 + 'k' : String(v));
  new uPlot({
    title: chart.title, width: 360, height: 260,
    scales: { x: { time: false, distr: 3 }, y: { distr: 3 } },
    axes: [{ label: chart.xLabel, values: (_, all) => all.map(tick) }, { label: 'µs', size: 60, values: (_, all) => all.map(tick) }],
    series: [{ label: chart.xLabel }, ...chart.series.map((s, i) => ({
      label: s.name, stroke: colours[i % colours.length], width: 1.5, spanGaps: true, points: { show: true, size: 4 },
      value: (_, v) => (v === null ? '–' : v.toPrecision(4) + ' µs'),
    }))],
  }, joined, document.getElementById('charts'));
}
`
