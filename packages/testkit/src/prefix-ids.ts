/**
 * Turns texts, written as one symbol per group of tokens, into prefix ids: equal ids mean equal text up to the end of the group.
 * @example const ids = new PrefixIds(); ids.of('abc') → [0, 1, 2]; ids.of('abd') → [0, 1, 3]
 */
export class PrefixIds {
  private readonly known = new Map<string, number>()

  of(symbols: Iterable<string>): number[] {
    let text = ''
    return Array.from(symbols, (symbol) => {
      text += `${symbol} `
      const id = this.known.get(text) ?? this.known.size
      this.known.set(text, id)
      return id
    })
  }
}
