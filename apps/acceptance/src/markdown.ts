/** A fenced block of a Markdown page. */
export interface CodeBlock {
  /** Info string: `ts`, `sh`, `ts fragment` … */
  info: string
  text: string
  /** Path in the line above the fence, where that is `` `some/file.ts`: `` and nothing else. */
  file: string | undefined
  /** Lines of the page: the opening fence and the closing one, from 0. */
  from: number
  to: number
}

/** All fenced blocks of a page, in order. */
export function codeBlocks(page: string): CodeBlock[] {
  const lines = page.split('\n')
  const blocks: CodeBlock[] = []
  for (let i = 0; i < lines.length; i++) {
    const [, fence = '', info = ''] = /^(`{3,})([^\s`].*)$/.exec(lines[i]!) ?? []
    if (info === '') continue
    const end = lines.indexOf(fence, i + 1)
    if (end < 0) throw new Error(`The block in line ${i + 1} does not end.`)
    const above = lines.slice(0, i).findLast((line) => line !== '')
    blocks.push({ info, text: `${lines.slice(i + 1, end).join('\n')}\n`, file: /^`([^`]+)`:$/.exec(above ?? '')?.[1], from: i, to: end })
    i = end
  }
  return blocks
}

/** The blocks below a heading, up to the next one of its level or above. */
export function blocksBelow(page: string, heading: string): CodeBlock[] {
  const blocks = codeBlocks(page)
  const lines = page.split('\n')
  const start = lines.indexOf(heading)
  if (start < 0) throw new Error(`There is no "${heading}".`)
  const isInBlock = (line: number) => blocks.some(({ from, to }) => from < line && line < to)
  const next = lines.findIndex((line, i) => i > start && /^#+ /.test(line) && line.indexOf(' ') <= heading.indexOf(' ') && !isInBlock(i))
  return blocks.filter(({ from }) => from > start && (next < 0 || from < next))
}

/** The block that shows what `block` prints: `text`, with nothing but an empty line between. */
export function printedBy(block: CodeBlock, blocks: readonly CodeBlock[]): CodeBlock | undefined {
  return blocks.find((other) => other.info === 'text' && other.from === block.to + 2)
}

/** The page with the text of some blocks replaced. */
export function withTexts(page: string, texts: ReadonlyMap<CodeBlock, string>): string {
  const lines = page.split('\n')
  const fromTheEnd = [...texts].sort(([a], [b]) => b.from - a.from)
  for (const [block, text] of fromTheEnd) lines.splice(block.from + 1, block.to - block.from - 1, text.trimEnd())
  return lines.join('\n')
}
