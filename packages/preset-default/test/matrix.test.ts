import { Draw } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { faultsOf, type Layout, layouts, type Scheduler, schedulers, type Technique, techniques } from './matrix.js'

const pairs = techniques.flatMap((a, i) => techniques.slice(i + 1).map((b): [Technique, Technique] => [a, b]))
const cells = pairs.flatMap((pair) => layouts.flatMap((layout) => schedulers.map((scheduler) => ({ pair, layout, scheduler }))))

/** Another sample each time the matrix grows, the same from run to run. */
const triples = Array.from({ length: 20 }, (_, number) => {
  const draw = new Draw(number, 'triple')
  const left = [...techniques]
  const chosen = Array.from({ length: 3 }, () => left.splice(draw.integer(0, left.length - 1), 1)[0]!)
  return { chosen, layout: draw.of(...layouts), scheduler: draw.of(...schedulers) }
})

describe('any two techniques together', () => {
  it.each(cells)('$pair under $layout with $scheduler', ({ pair, layout, scheduler }) => {
    expect(faultsOf(pair, layout, scheduler)).toEqual([])
  })

  it('are in the document', async () => {
    await expect(document()).toMatchFileSnapshot('../../../docs/matrix.md')
  })
})

describe('three techniques together', () => {
  it.each(triples)('$chosen under $layout with $scheduler', ({ chosen, layout, scheduler }) => {
    expect(faultsOf(chosen, layout, scheduler)).toEqual([])
  })
})

function document(): string {
  const name = (technique: Technique) => `\`${technique}\``
  const columns = layouts.flatMap((layout) => schedulers.map((scheduler) => ({ layout, scheduler })))
  const cell = (pair: Technique[], layout: Layout, scheduler: Scheduler) => {
    const faults = faultsOf(pair, layout, scheduler)
    return faults.length === 0 ? 'works' : faults.join('; ')
  }
  const rows = pairs.map(
    (pair) => `| ${pair.map(name).join(' + ')} | ${columns.map((c) => cell(pair, c.layout, c.scheduler)).join(' | ')} |`,
  )
  return `# What runs together

Every two serving techniques, under every layout, with both schedulers: each cell is a run of 24 requests in which every law of the engine is checked after each event, every request finishes, both
techniques do their work, and stretches yield what single steps yield, to the last bit. \`kv-offload\` brings \`prefix-caching\` with it, and DP 2 × EP 2 brings \`data-parallel\`. Of three techniques
together a sample of ${triples.length} is run likewise. Written by \`packages/preset-default/test/matrix.test.ts\`.

| techniques | ${columns.map((c) => `${c.layout}, ${c.scheduler}`).join(' | ')} |
|---|${columns.map(() => '---|').join('')}
${rows.join('\n')}

No combination of these is refused.
`
}
