/** @typedef {Record<string, any>} JsonSchema as zod's `toJSONSchema` gives it */

/**
 * @param {JsonSchema} schema of an options object
 * @returns {string} a Markdown table with a row per option, nested ones by their path; empty where there is none
 */
export function optionsTable(schema) {
  const rows = rowsOf(schema, '')
  if (rows.length === 0) return ''
  return ['| option | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

/**
 * @param {JsonSchema} schema
 * @param {string} prefix
 * @returns {string[]}
 */
function rowsOf(schema, prefix) {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const nested = option.properties !== undefined
    const fallback = option.default !== undefined ? code(JSON.stringify(option.default)) : required.has(name) ? 'required' : ''
    const cells = [code(prefix + name), nested ? '' : code(typeOf(option)), fallback, option.description ?? '']
    return [`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`, ...(nested ? rowsOf(option, `${prefix}${name}.`) : [])]
  })
}

/**
 * @param {JsonSchema} option
 * @returns {string} as TypeScript would write it, with the range of numbers
 */
function typeOf(option) {
  if (option.anyOf !== undefined) return option.anyOf.map(typeOf).join(' | ')
  if (option.enum !== undefined) return option.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(' | ')
  if (option.const !== undefined) return JSON.stringify(option.const)
  if (option.type === 'object' && option.properties !== undefined) {
    const required = new Set(option.required ?? [])
    const members = Object.entries(option.properties).map(([name, member]) => `${name}${required.has(name) ? '' : '?'}: ${typeOf(member)}`)
    return `{ ${members.join(', ')} }`
  }
  if (option.type === 'array') {
    return option.prefixItems !== undefined ? `[${option.prefixItems.map(typeOf).join(', ')}]` : `(${typeOf(option.items ?? {})})[]`
  }
  return [option.type ?? 'any', rangeOf(option)].join(' ').trim()
}

/** @param {JsonSchema} option */
function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const low = exclusiveMinimum !== undefined ? `> ${exclusiveMinimum}` : minimum !== undefined ? `≥ ${minimum}` : ''
  const high = exclusiveMaximum !== undefined ? `< ${exclusiveMaximum}` : maximum !== undefined ? `≤ ${maximum}` : ''
  const unbounded = high === `≤ ${Number.MAX_SAFE_INTEGER}`
  return [low === `≥ ${Number.MIN_SAFE_INTEGER}` ? '' : low, unbounded ? '' : high].filter((part) => part !== '').join(', ')
}

/** @param {string} text */
function code(text) {
  return text === '' ? '' : `\`${text}\``
}
