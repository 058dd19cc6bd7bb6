"""A real continuous-batching loop on this machine's CPU: a Llama-shaped model served with NumPy, as small as a loop can be that schedules
like vLLM without asynchrony (chunked prefill, running requests first, first come first served).

It runs the operators of the NumPy probe, so what `servesim profile --probe numpy` measures is what runs here. It writes what a recorded vLLM
run consists of, meta.json and requests.jsonl, and steps.jsonl with every step beside them: `servesim validate <dir> --profile <bundle>`
replays it.

    python3 real_loop.py --model config.json --output run --requests 120 --rate 8
"""
import argparse
import json
import math
import os
import random
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", required=True, help="config.json of a Llama-shaped model")
parser.add_argument("--output", required=True, help="folder to write")
parser.add_argument("--requests", type=int, default=120)
parser.add_argument("--rate", type=float, default=8.0, help="requests per second, Poisson")
parser.add_argument("--prompt", default="32-256", help="prompt tokens, uniform")
parser.add_argument("--answer", default="16-96", help="output tokens, uniform")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--max-num-seqs", type=int, default=16)
parser.add_argument("--max-num-batched-tokens", type=int, default=256)
parser.add_argument("--max-model-len", type=int, default=512)
parser.add_argument("--threads", default="1")
parser.add_argument("--device", default="cpu", help="name of the device in the recording")
options = parser.parse_args()

sys.argv = [sys.argv[0], "--threads", options.threads]  # Read by the probe before NumPy loads its BLAS.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../packages/profiler/probes"))
import numpy as np  # noqa: E402
import numpy_probe as operators  # noqa: E402

BLOCK = 16


class Request:
    def __init__(self, number, due_s, prompt, answer):
        self.number, self.due_s, self.prompt, self.answer = number, due_s, prompt, answer
        self.computed = self.produced = 0  # Tokens in the KV cache, and output tokens.
        self.queued_s = self.first_s = self.last_s = 0.0
        self.slot = -1
        self.last_token = 0


class Model:
    """Weights, KV cache and one forward pass."""

    def __init__(self, config, slots, room, most_rows):
        hidden, layers = config["hidden_size"], config["num_hidden_layers"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.dim = config.get("head_dim") or hidden // self.heads
        width, vocabulary = config["intermediate_size"], math.ceil(config["vocab_size"] / 64) * 64
        heads, kv_heads, dim = self.heads, self.kv_heads, self.dim
        weights = np.random.default_rng(0)
        arena = operators.Arena()

        def draw(rows, columns):
            matrix = arena.take(rows, columns)
            matrix[...] = weights.normal(0, 0.5 / math.sqrt(rows), (rows, columns))
            return matrix

        ones = np.ones(hidden, np.float32)
        self.table, self.head, self.final = draw(vocabulary, hidden), draw(hidden, vocabulary), ones
        self.layers = [
            {
                "norm": ones.copy(),
                "qkv": draw(hidden, (heads + 2 * kv_heads) * dim),
                "o": draw(heads * dim, hidden),
                "mlp_norm": ones.copy(),
                "gate_up": draw(hidden, 2 * width),
                "down": draw(width, hidden),
                "caches": [operators.make_cache(arena, kv_heads, room, dim) for _ in range(slots)],
            }
            for _ in range(layers)
        ]
        angles = np.arange(room)[:, None] / 10000 ** (np.arange(dim // 2) / (dim // 2))
        self.cos, self.sin = np.cos(angles).astype(np.float32)[:, None], np.sin(angles).astype(np.float32)[:, None]
        out = lambda columns: np.empty((most_rows, columns), np.float32)
        self.qkv, self.mixed, self.hidden = out((heads + 2 * kv_heads) * dim), np.empty((most_rows, heads, dim), np.float32), out(hidden)
        self.gate_up, self.down, self.logits = out(2 * width), out(hidden), np.empty((slots, vocabulary), np.float32)

    def forward(self, ops, tokens, positions, decodes, chunks, last):
        """
        tokens, positions: one of each row, decodes first; decodes: (slots, contexts); chunks: (slot, context, first row, rows) each;
        last: the row of each sequence whose logits are wanted. Returns the next token of each sequence.
        """
        rows, count = len(tokens), len(decodes[0])
        heads, kv_heads, dim = self.heads, self.kv_heads, self.dim
        x = ops.embedding(self.table, tokens)
        residual = np.zeros_like(x)
        cos, sin = self.cos[positions], self.sin[positions]
        slots, lengths = decodes
        for layer in self.layers:
            h = ops.add_norm(x, residual, layer["norm"])
            qkv = ops.gemm(h, layer["qkv"], self.qkv[:rows])
            q = qkv[:, : heads * dim].reshape(rows, heads, dim)
            k = qkv[:, heads * dim : (heads + kv_heads) * dim].reshape(rows, kv_heads, dim)
            v = qkv[:, (heads + kv_heads) * dim :].reshape(rows, kv_heads, dim)
            ops.rotary(q, k, cos, sin)
            mixed, caches = self.mixed[:rows], layer["caches"]
            if count > 0:
                ops.decode_attention(q[:count], k[:count], v[:count], [caches[slot] for slot in slots], lengths, mixed[:count])
            for slot, context, start, size in chunks:
                end = start + size
                ops.prefill_attention(q[start:end], k[start:end], v[start:end], caches[slot], context, mixed[start:end])
            x = ops.gemm(mixed.reshape(rows, heads * dim), layer["o"], self.hidden[:rows])
            h = ops.add_norm(x, residual, layer["mlp_norm"])
            h = ops.gated_activation(ops.gemm(h, layer["gate_up"], self.gate_up[:rows]))
            x = ops.gemm(h, layer["down"], self.down[:rows])
        h = ops.add_norm(x, residual, self.final)
        return ops.sampler(ops.gemm(h[last], self.head, self.logits[: len(last)]))


class Idle:
    """Operators that do nothing but hand on arrays of the right shape: what is left of a step is the host's part."""

    def __init__(self, model):
        self.model = model
        self.tokens = np.zeros(len(model.qkv), np.int64)

    def embedding(self, table, tokens):
        return self.model.hidden[: len(tokens)]

    def add_norm(self, x, residual, weight):
        return x

    def gemm(self, x, weight, out):
        return out

    def rotary(self, q, k, cos, sin):
        return q, k

    def decode_attention(self, q, k, v, caches, lengths, out):
        return out

    def prefill_attention(self, q, k, v, cache, context, out):
        return out

    def gated_activation(self, x):
        return x

    def sampler(self, logits):
        return self.tokens[: len(logits)]


class Engine:
    def __init__(self, model, ops):
        self.model, self.ops = model, ops
        self.waiting, self.running, self.free = [], [], list(range(options.max_num_seqs))

    def schedule(self):
        """(request, tokens) of the next step: the running ones first, then as many of the waiting as budget and slots allow."""
        budget, plan = options.max_num_batched_tokens, []
        for request in self.running:
            size = min(1 if request.computed >= request.prompt else request.prompt - request.computed, budget)
            if size > 0:
                plan.append((request, size))
                budget -= size
        while self.waiting and self.free and budget > 0:
            request = self.waiting.pop(0)
            request.slot = self.free.pop()
            self.running.append(request)
            plan.append((request, min(request.prompt, budget)))
            budget -= min(request.prompt, budget)
        return plan

    def step(self, plan):
        """One forward pass; returns when its tokens are known. A sequence that decodes has one row, a chunk has several."""
        decoding = [request for request, _ in plan if request.computed >= request.prompt]
        filling = [(request, size) for request, size in plan if request.computed < request.prompt]
        tokens, positions = [r.last_token for r in decoding], [r.computed for r in decoding]
        chunks, last, row = [], list(range(len(decoding))), len(decoding)
        for request, size in filling:
            tokens.extend((request.number + request.computed + i) * 31 % len(self.model.table) for i in range(size))
            positions.extend(range(request.computed, request.computed + size))
            chunks.append((request.slot, request.computed, row, size))
            row += size
            last.append(row - 1)
        decodes = [r.slot for r in decoding], [r.computed for r in decoding]
        answer = self.model.forward(self.ops, np.asarray(tokens), np.asarray(positions), decodes, chunks, last)
        now = time.perf_counter()
        sizes = [(request, 1) for request in decoding] + filling
        for (request, size), token in zip(sizes, answer.tolist()):
            request.computed += size
            if request.computed < request.prompt:
                continue
            request.last_token = token
            request.produced += 1
            request.last_s = now
            if request.produced == 1:
                request.first_s = now
            if request.produced == request.answer:
                self.running.remove(request)
                self.free.append(request.slot)
        return now


def drawn():
    """Poisson arrivals, uniform lengths."""
    random.seed(options.seed)
    between = lambda text: random.randint(*map(int, text.split("-")))
    due, requests = 0.0, []
    for number in range(options.requests):
        due += random.expovariate(options.rate)
        requests.append(Request(number, due, between(options.prompt), between(options.answer)))
    return requests


def warm_up(model):
    """Full steps of chunks and of decodes, so that every page has been touched and every kernel has run: engines do the same at start."""
    engine = Engine(model, operators)
    for number in range(2 * options.max_num_seqs):
        engine.waiting.append(Request(number, 0.0, options.max_model_len - 8, 8))
    while engine.running or engine.waiting:
        engine.step(engine.schedule())


def serve(model, requests):
    engine, steps, next_request = Engine(model, operators), [], 0
    start = time.perf_counter()
    while next_request < len(requests) or engine.running or engine.waiting:
        now = time.perf_counter()
        while next_request < len(requests) and start + requests[next_request].due_s <= now:
            request = requests[next_request]
            request.queued_s = now
            engine.waiting.append(request)
            next_request += 1
        if not engine.running and not engine.waiting:
            continue  # Waits awake: a sleeping core would take its time to wake up.
        plan = engine.schedule()
        decodes = sum(request.computed >= request.prompt for request, _ in plan)
        tokens = sum(size for _, size in plan)
        steps.append((now, engine.step(plan), tokens, len(plan), decodes))
    return requests, steps, start


def host_times(model):
    """Milliseconds of a step in which no operator does anything: fixed part and part per sequence, through the medians at 1 and at most."""

    def median_ms(count):
        engine = Engine(model, Idle(model))
        for number in range(count):
            request = Request(number, 0.0, 1, 1 << 30)
            request.slot, request.computed, request.produced = number, 2, 1
            engine.running.append(request)
        times = []
        for _ in range(300):
            for request in engine.running:
                request.computed = 2
            begin = time.perf_counter()
            engine.step(engine.schedule())
            times.append(time.perf_counter() - begin)
        return sorted(times)[len(times) // 2] * 1e3

    one, most = median_ms(1), median_ms(options.max_num_seqs)
    per_sequence = max(0.0, (most - one) / max(1, options.max_num_seqs - 1))
    return {"step_ms": one - per_sequence, "per_sequence_us": per_sequence * 1e3}


def write(config, requests, steps, start, host):
    os.makedirs(options.output, exist_ok=True)
    path = os.path.abspath(options.model)
    name = os.path.splitext(os.path.basename(path))[0]
    blocks = options.max_num_seqs * math.ceil(options.max_model_len / BLOCK)
    meta = {
        "engine": "real-loop",
        "model": config.get("_name_or_path") or (os.path.basename(os.path.dirname(path)) if name == "config" else name),
        "vllm_version": "0.19.0",
        "device": options.device,
        "engine_kwargs": {
            "tensor_parallel_size": 1,
            "dtype": "float32",
            "max_num_seqs": options.max_num_seqs,
            "max_num_batched_tokens": options.max_num_batched_tokens,
            "max_model_len": options.max_model_len,
            "block_size": BLOCK,
            "num_gpu_blocks": blocks,
            "async_scheduling": False,
            "enable_prefix_caching": False,
            "enforce_eager": True,
        },
        "host": {"host_step_ms": host["step_ms"], "host_per_sequence_us": host["per_sequence_us"]},
    }
    with open(os.path.join(options.output, "meta.json"), "w", encoding="utf8") as file:
        json.dump(meta, file, indent=2)
    with open(os.path.join(options.output, "requests.jsonl"), "w", encoding="utf8") as file:
        for r in requests:
            times = {"arrival_time": start + r.due_s, "queued_ts": r.queued_s, "first_token_ts": r.first_s, "last_token_ts": r.last_s}
            record = {"request_id": f"loop-{r.number}", "input_toks": r.prompt, "output_toks": r.answer, **times}
            file.write(json.dumps(record) + "\n")
    with open(os.path.join(options.output, "steps.jsonl"), "w", encoding="utf8") as file:
        for begin, end, tokens, sequences, decodes in steps:
            file.write(json.dumps({"start": begin, "end": end, "tokens": tokens, "sequences": sequences, "decodes": decodes}) + "\n")


def main():
    np.seterr(all="ignore")
    with open(options.model, encoding="utf8") as file:
        config = json.load(file)
    longest = int(options.prompt.split("-")[1]) + int(options.answer.split("-")[1])
    if longest > options.max_model_len:
        parser.error(f"a request may have {longest} tokens, more than --max-model-len {options.max_model_len}")
    model = Model(config, options.max_num_seqs, options.max_model_len, options.max_num_batched_tokens)
    host = host_times(model)
    warm_up(model)
    requests, steps, start = serve(model, drawn())
    write(config, requests, steps, start, host)
    busy = sum(end - begin for begin, end, *_ in steps)
    ttft = sum(r.first_s - r.queued_s for r in requests) / len(requests)
    print(
        f"{len(requests)} requests, {len(steps)} steps of {busy / len(steps) * 1e3:.3f} ms in the mean, "
        f"TTFT {ttft * 1e3:.2f} ms in the mean, busy {busy / (steps[-1][1] - start):.0%}, host {host['step_ms']:.3f} ms a step"
    )


main()
