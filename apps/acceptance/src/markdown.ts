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
    const info = /^```(\S.*)$/.exec(lines[i]!)?.[1]
    if (info === undefined) continue
    const end = lines.indexOf('```', i + 1)
    const above = lines.slice(0, i).findLast((line) => line !== '')
    blocks.push({ info, text: `${lines.slice(i + 1, end).join('\n')}\n`, file: /^`([^`]+)`:$/.exec(above ?? '')?.[1], from: i, to: end })
    i = end
  }
  return blocks
}

/** The blocks below a heading, up to the next one of its level or above. */
export function sectionOf(page: string, heading: string): string {
  const lines = page.split('\n')
  const start = lines.indexOf(heading)
  if (start < 0) throw new Error(`There is no "${heading}".`)
  const level = heading.indexOf(' ')
  const end = lines.findIndex((line, i) => i > start && /^#+ /.test(line) && line.indexOf(' ') <= level)
  return lines.slice(start, end < 0 ? undefined : end).join('\n')
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
