/** The world around a command: where it stands, and where its words go. */
export interface Terminal {
  cwd: string
  /** Results: stdout. */
  print(text: string): void
  /** Everything else: stderr. */
  note(text: string): void
  /** Whether somebody watches stderr, so that a line may be redrawn. */
  isWatched: boolean
}

export function processTerminal(): Terminal {
  return {
    cwd: process.cwd(),
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    isWatched: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
  }
}
