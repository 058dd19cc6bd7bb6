type Numbers = Int32Array | Float64Array

/** A typed array that doubles when full: a column whose length is known only at the end of the file. */
export class GrowingColumn<Values extends Numbers> {
  private count = 0

  /** @param values the first capacity, owned by the column from here on; at least one entry */
  constructor(private values: Values) {}

  get length(): number {
    return this.count
  }

  push(value: number): void {
    if (this.count === this.values.length) {
      const larger = new (this.values.constructor as new (length: number) => Values)(this.count * 2)
      larger.set(this.values)
      this.values = larger
    }
    this.values[this.count++] = value
  }

  /** Counts one up in the last entry. */
  incrementLast(): void {
    this.values[this.count - 1]!++
  }

  /** A copy of exactly the entries pushed. */
  toArray(): Values {
    return this.values.slice(0, this.count) as Values
  }
}
