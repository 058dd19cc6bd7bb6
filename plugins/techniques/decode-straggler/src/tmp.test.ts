import { test, expect } from 'vitest'
import { StragglerTable, oneLongest } from './straggler-table.js'
import { finishTime, decodeLaunch } from './list-schedule.js'
test('time', () => {
  const m = { slots: 188, saturatingBlocks: 61 }
  for (let k = 0; k < 3; k++) {
    const t = new StragglerTable(m, 8)
    const a = performance.now()
    let s = 0
    for (let n = 40; n <= 256; n++) for (const y of [0.3,0.35]) s += t.extra(n, y)
    console.log('ms', performance.now() - a, s)
  }
  for (const n of [40, 64, 65,72,80, 96, 128, 192, 256]) {
    const t = new StragglerTable(m, 8)
    let worst = 0
    for (let y = 0.05; y < 1; y += 0.013) {
      const rest = Math.max(0,(n * y - 1) / (n - 1))
      let sum = 0
      for (let p = 0; p < n; p++) { const c: number[] = Array(n).fill(rest); c[p] = 1; sum += finishTime(decodeLaunch(c, 8), m) }
      const ex = sum / n - finishTime({ tokens: [y], count: [n * 8] }, m)
      const T = finishTime({ tokens: [y], count: [n * 8] }, m)
      worst = Math.max(worst, Math.abs(ex - t.extra(n, y))/T)
    }
    console.log(n, 'worst share of T', worst.toFixed(4), [1,.9,.7,.5,.4,.3,.2,.1].map(y=>y+':'+(t.extra(n,y)/(y*n*8)).toFixed(3)).join(' '))
  }
})
