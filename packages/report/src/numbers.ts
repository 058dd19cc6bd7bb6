/** At least three significant digits, thousands apart; `–` where there is no number. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const magnitude = Math.abs(value)
  const digits = magnitude >= 100 || value === 0 ? (Number.isInteger(value) ? 0 : 1) : magnitude >= 10 ? 2 : magnitude >= 1 ? 3 : 4
  return grouped(value.toFixed(digits))
}

/** A whole number, thousands apart. */
export function count(value: number): string {
  return grouped(Math.round(value).toString())
}

/** 0–1 as percent. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–'
  if (share > 0 && share < 0.0005) return '< 0.1 %'
  return `${(share * 100).toFixed(1)} %`
}

/** A signed percentage, as errors are written. */
export function signedPercent(value: number): string {
  return Number.isFinite(value) ? `${value > 0 ? '+' : ''}${value.toFixed(2)} %` : '–'
}

export function seconds(value: number): string {
  return value < 1 ? `${number(value * 1000)} ms` : value < 600 ? `${number(value)} s` : `${number(value / 60)} min`
}

/** `1 request`, `2 requests`. */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`
}

function grouped(text: string): string {
  const [whole = '', fraction] = text.split('.')
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
  return fraction === undefined ? spaced : `${spaced}.${fraction}`
}
