import { Flows, type Links } from './flows.js'

/** A flow as a test describes it; instants are integers. */
export interface Play {
  atNs: number
  route: number[]
  bytes: number
  fromNs?: number
  toNs?: number
  chunks?: number
  /** Cancelled then, if it is still under way. */
  cancelNs?: number
  /** Only what it would take is asked. */
  estimate?: boolean
}

/** Plays flows to the end. @returns when each ended (undefined where it was cancelled) or would end, and what each link carried */
export function play(capacities: number[], plays: readonly Play[], latencyNs = 0) {
  const links: Links = {
    capacities: Float64Array.from(capacities),
    longestRoute: Math.max(1, ...plays.map(({ route }) => route.length)),
    route: (source, _target, into) => {
      into.set(plays[source]!.route)
      return plays[source]!.route.length
    },
    latencyNs: () => latencyNs,
  }
  let alarmNs = Number.POSITIVE_INFINITY
  const ends: (number | undefined)[] = plays.map(() => undefined)
  const flows = new Flows(
    links,
    (timeNs) => {
      alarmNs = timeNs
    },
    (flow, nowNs) => {
      ends[flow] = nowNs
    },
  )
  const acts = plays.flatMap(({ atNs, cancelNs }, i) => [
    { ns: atNs, act: () => begin(i) },
    ...(cancelNs === undefined ? [] : [{ ns: cancelNs, act: () => void (ends[i] ?? flows.cancel(i, cancelNs)) }]),
  ])
  acts.sort((a, b) => a.ns - b.ns)
  const begin = (i: number) => {
    if (plays[i]!.estimate === true) {
      ends[i] = plays[i]!.atNs + flows.estimateNs(i, i, plays[i]!.bytes, plays[i]!.atNs)
      return
    }
    const { atNs, bytes, fromNs = atNs, toNs = fromNs, chunks = Number.POSITIVE_INFINITY } = plays[i]!
    flows.start(i, i, 0, bytes, fromNs, toNs, chunks, atNs)
  }
  let nowNs = 0
  const wakeUntil = (untilNs: number) => {
    for (let n = 0; alarmNs <= untilNs; n++) {
      if (n > 100_000 || alarmNs < nowNs) throw new Error(`no end of alarms at ${alarmNs}`)
      nowNs = alarmNs
      alarmNs = Number.POSITIVE_INFINITY
      flows.wake(nowNs)
    }
  }
  for (const { ns, act } of acts) {
    // Completions of an instant come before what else happens then.
    wakeUntil(ns)
    nowNs = ns
    act()
  }
  wakeUntil(Number.MAX_VALUE)
  return { ends, carried: [...flows.carried(nowNs)], flows, nowNs }
}
