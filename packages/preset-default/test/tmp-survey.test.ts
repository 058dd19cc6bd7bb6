import { createSimulation } from '@servesim/core'
import { outcomeOf, runChecked } from '@servesim/testkit'
import { it } from 'vitest'
import { randomScenario } from './random-scenario.js'

it('survey', () => {
  const from = Number(process.env.FROM ?? 0), to = Number(process.env.TO ?? 1200)
  const bad: string[] = []
  let count = 0
  for (let n = from; n < to; n++) {
    const input = randomScenario(n)
    const attempt = (what: string, f: () => unknown) => {
      try { return f() } catch (e) { count++; if (bad.length < 25) bad.push(`${n} ${what}: ${(e as Error).message.slice(0, 250)} ${JSON.stringify(input.pools[0]!.scheduler)}`); return undefined }
    }
    const plain = attempt('plain', () => outcomeOf(runChecked(input, { stretches: false })))
    const fast = attempt('fast', () => outcomeOf(runChecked(input))) 
    if (plain && fast) {
      const p = plain as any, f = fast as any
      for (const k of Object.keys(p.exact)) if (JSON.stringify(p.exact[k]) !== JSON.stringify(f.exact[k])) { 
        count++
        if (bad.length < 25) bad.push(`${n} differ ${k} ${k === 'requests' ? Object.keys(p.exact.requests).filter((c) => JSON.stringify(p.exact.requests[c]) !== JSON.stringify(f.exact.requests[c])) : JSON.stringify(p.exact[k]).slice(0, 100) + ' fast ' + JSON.stringify(f.exact[k]).slice(0, 100)} ${JSON.stringify(input.pools[0])}`)
        break
      }
      for (const k of Object.keys(p.seconds)) if (Math.abs(p.seconds[k] - f.seconds[k]) > 1e-9 * p.seconds[k] + 1e-15) { count++; if (bad.length < 25) bad.push(`${n} seconds ${k} ${p.seconds[k]} ${f.seconds[k]}`); break }
    }
  }
  console.log(`BAD ${count}\n` + bad.join('\n'))
}, 600000)
