/** The words of docs/fidelity.md; its figures come from the runs. */

export const introduction = `# Fidelity

Written by \`npm run fidelity\`; do not edit. Each recorded vLLM run is replayed: the same requests at their recorded arrivals, the
recorded engine settings, operator latencies from a bundle measured on the same device. TTFT and latency count from the instant at which
the engine took a request out of its input queue, on both sides. Fifteen figures: mean, median, P90, P95, P99 of TTFT, TPOT and latency.
One set of constants serves every run; what differs between runs is read from the run, the bundle or the chip.`

export const evidence = `## Mechanisms and their evidence

| mechanism | what it does | evidence that does not come from the runs below |
| --- | --- | --- |
| asynchronous scheduling | step k + 1 is formed when step k starts; an arrival waits one step more, freed slots and blocks are seen one step later | vLLM's engine core (two batches in flight by default since 0.14) |
| queued instant | the engine drains its input only between steps | vLLM's engine core |
| prefix caching | prompts share full blocks of common prefixes, least recently freed first out | vLLM's block pool; the share of tokens found equals the recorded one |
| several prompts in one step | attention is quadratic within a prompt and not across prompts: an equivalent context with the same work Σq·(k + q/2) | arithmetic of attention |
| CUDA graphs | steps up to the largest captured size run at the next captured size | vLLM's capture sizes |
| GEMM tiles | between measured token counts at most 16 apart a GEMM costs what the next one does | tensor cores multiply tiles of 16 rows; steps of the measured curves stand at multiples of the tile |
| waves of the decode kernel | between measured batch sizes latency follows the blocks of FlashAttention-2: one per multiprocessor, sequences split while the chip is not filled | its split heuristic; the bundle's own table |
| decode straggler | contexts of a batch are unequal: the longest sequence's blocks finish last and alone. Added to attention of decode steps, and of mixed steps, where the kernel never splits | \`skew.csv\` of the bundles: rows with unequal contexts, see the test of \`@servesim/technique-decode-straggler\`; both constants are read off the attention table: the slope of one block alone, and the bandwidth of a full chip |
| replicas in lock step | replicas that share experts start each step together, the slowest decides, idle ones run dummies; experts see the tokens of all | vLLM's data-parallel engine core |
| exchange of tokens | each layer of experts gathers all replicas' tokens and scatters the sums back: the recorded link's bandwidth, latencies measured inside CUDA graphs (10 µs) | LLMServingSim's collectives of this machine |
| gate | a trained gate visits fewer experts than even choice would | 110,640 gate calls of Qwen3-30B-A3B (LLMServingSim changelog, September 2026); between the stated points it is a line, and where "the middle of the range" lies is assumed |
| host time | a step with prefill and no graph is launched kernel by kernel; it cannot start before it was formed + that time | **chosen by looking at recorded runs** (24–28 ms on two machines), 25 ms in \`validate\`, in \`run\` what the device states: a bundle its own, analytic GPUs 0.4 ms a layer |`

export const remaining = `## What is left

- The host time of mixed steps is one constant for every machine and model. It should be measured where a bundle is measured.
- The first step of a recorded run is slower than any model of kernels says: kernels are loaded when first used.
- Contexts between the mean and the longest are taken to spread exponentially, since a step carries its sum and its longest context and
  not its whole distribution; the exact schedule of the real contexts is the straggler table's test.
- Kernels were measured one by one and eagerly; a graph replays them with smaller gaps between them, a compiler fuses some. Neither is
  modelled; a bundle measured inside graphs would need no correction.
- Where the recording does not say how many KV blocks there were, they are computed.`
