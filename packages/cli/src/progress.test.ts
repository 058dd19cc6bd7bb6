import { createSimulation, type SimulationInput } from '@servesim/core'
import { defaultScenario, presetDefault } from '@servesim/preset-default'
import { expect, test } from 'vitest'
import { runWithProgress } from './progress.js'

function notes(isWatched: boolean): string {
  let text = ''
  const note = (more: string) => {
    text += more
  }
  const input = { ...defaultScenario, workload: { use: 'poisson', requestCount: 50 }, plugins: [presetDefault] } satisfies SimulationInput
  const simulation = createSimulation(input)
  runWithProgress(simulation, { cwd: '.', print: note, note, isWatched })
  expect(simulation.snapshot().finished).toBe(50)
  return text
}

test('a line is redrawn where somebody watches, and the last one says that all is done', () => {
  const lines = notes(true).split('\r')
  expect(lines.at(-1)).toContain('100 %  50 of 50 requests')
  expect(notes(true).endsWith('\n')).toBe(true)
})

test('a short run says nothing where nobody watches', () => expect(notes(false)).toBe(''))
