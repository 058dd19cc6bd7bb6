import { createRandomSource, type RandomStream } from '@servesim/core'

/** Picks from one random stream, so that whatever is drawn is known by a number. */
export class Draw {
  private readonly stream: RandomStream

  constructor(number: number, purpose: string) {
    this.stream = createRandomSource(number).stream(purpose)
  }

  /** Between `min` and `max`, both included. */
  integer(min: number, max: number): number {
    return min + this.stream.integer(max - min + 1)
  }

  chance(probability: number): boolean {
    return this.stream.uniform() < probability
  }

  of<Value>(...values: Value[]): Value {
    return values[this.stream.integer(values.length)]!
  }

  /** A rounded exponential variate. */
  exponential(mean: number): number {
    return Math.round(mean * this.stream.exponential())
  }
}
