import type { SiliconRow } from './silicon-csv.js'

/**
 * The rows on which the database's authors' own predictor was measured in detail: vLLM on H100, H200 and B200; Llama-3.1-70B in fp8 (1024 or 8192 in, 1024
 * out; 4, 16, 64 at once), Qwen3-32B in 16 bits (1024 or 4096 in, 512 out; 8, 32, 128 at once; 2, 4, 8 ranks). Of equal inputs the first.
 */
export function coreRows(rows: readonly SiliconRow[]): SiliconRow[] {
  const seen = new Set<string>()
  return rows.filter((row) => {
    const { model, system, mode, backend, inputTokens, outputTokens, batchSize, tensor, gemmQuantisation } = row
    if (mode !== 'agg' || backend !== 'vllm' || !['h100_sxm', 'h200_sxm', 'b200_sxm'].includes(system)) return false
    const llama =
      /Llama-3\.1-70B/.test(model) &&
      gemmQuantisation === 'fp8' &&
      [1024, 8192].includes(inputTokens) &&
      outputTokens === 1024 &&
      [4, 16, 64].includes(batchSize)
    const qwen =
      /Qwen3-32B$/.test(model) &&
      gemmQuantisation === '' &&
      [1024, 4096].includes(inputTokens) &&
      outputTokens === 512 &&
      [8, 32, 128].includes(batchSize) &&
      [2, 4, 8].includes(tensor)
    const input = [model, system, inputTokens, outputTokens, batchSize, tensor].join()
    if (!(llama || qwen) || seen.has(input)) return false
    seen.add(input)
    return true
  })
}
