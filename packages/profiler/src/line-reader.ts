/** No message is longer; more without a line end is noise. */
const longestLine = 1 << 20

/** Cuts a stream of text into lines. */
export class LineReader {
  private rest = ''

  /** @returns the complete lines that `chunk` ends, blank ones left out; undefined where a line never ends */
  push(chunk: string): string[] | undefined {
    const lines = (this.rest + chunk).split('\n')
    this.rest = lines.pop()!
    if (this.rest.length > longestLine) return undefined
    return lines.filter((line) => line.trim() !== '')
  }

  /** What came after the last line end. */
  get unfinished(): string {
    return this.rest
  }
}
