import { Draw } from './draw.js'
import type { ListedRequest } from './list-workload.js'
import { PrefixIds } from './prefix-ids.js'

const groupCount = 60

/**
 * Three to 28 short requests, always the same for the same number: bursts of one instant, gaps from nothing to a long idle time, one to 150
 * output tokens. Texts begin with one of three, as conversations and agents do; some outputs are known, some go on with a shared text. Some end
 * by their end of sequence, some clients go away.
 * Made for steps of a few microseconds, as those of the toy device.
 */
export function randomRequests(number: number): ListedRequest[] {
  const draw = new Draw(number, 'requests')
  const prefixIds = new PrefixIds()
  const templates = ['a', 'ab', 'abc'].map((letters) => Array.from({ length: groupCount }, (_, i) => letters[i % letters.length]!))
  const longOutput = draw.of(12, 60, 150)
  const meanGapNs = draw.of(0, 500, 8_000, 60_000)
  const identified = draw.chance(0.9)
  const endsEarly = draw.chance(0.4)
  const goesAway = draw.chance(0.3)
  let arrivalNs = 0
  return Array.from({ length: draw.integer(3, 28) }, (_, i) => {
    if (!draw.chance(0.3)) arrivalNs += draw.exponential(meanGapNs)
    // Whole microseconds, at which steps end at times.
    if (draw.chance(0.2)) arrivalNs = Math.ceil(arrivalNs / 1000) * 1000
    const request = {
      arrivalNs,
      promptTokens: draw.integer(1, 40),
      outputTokens: draw.integer(1, longOutput),
      priority: draw.integer(0, 2),
      tenant: draw.integer(0, 2),
      ...(endsEarly && draw.chance(0.5) ? { outputLimitTokens: 150 } : {}),
      ...(goesAway && draw.chance(0.2) ? { cancelNs: arrivalNs + draw.integer(0, 60_000) } : {}),
    }
    if (!identified) return request
    const text = [...draw.of(...templates)]
    // From somewhere on the text is this request's own.
    if (draw.chance(0.5)) text.fill(`own ${i}`, draw.integer(0, 12))
    return { ...request, prefixIds: prefixIds.of(text.slice(0, draw.chance(0.6) ? groupCount : 2)) }
  })
}
