/** Column of a table: numbers stand to the right, words to the left. */
export interface Column {
  title: string
  align: 'left' | 'right'
}

const gap = '  '

/** Aligned rows under their titles, without frames. Cells beyond the columns are left out. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((column, i) => Math.max(width(column.title), ...rows.map((row) => width(row[i] ?? ''))))
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, i) => pad(cells[i] ?? '', widths[i]!, align))
      .join(gap)
      .trimEnd()
  return [line(columns.map((column) => column.title)), ...rows.map(line)]
}

export function pad(text: string, size: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, size - width(text)))
  return align === 'left' ? text + space : space + text
}

/** Two blocks beside each other. */
export function beside(left: readonly string[], right: readonly string[], leftWidth: number): string[] {
  const rows = Math.max(left.length, right.length)
  return Array.from({ length: rows }, (_, i) => `${pad(left[i] ?? '', leftWidth, 'left')}${right[i] ?? ''}`.trimEnd())
}

/** Words in lines of at most `size` characters; lines after the first are indented. A number and its percent sign stay together. */
export function wrap(text: string, size: number, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/ (?!%)/)) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && width(longer) > size) {
      lines.push(line)
      line = indent + word
    } else line = longer
  }
  return [...lines, line]
}

/** Characters as a terminal shows them; every sign used here takes one cell. */
function width(text: string): number {
  return [...text].length
}
