"""Probe of any CPU with NumPy: times the operators of a Llama-shaped model. Speaks the protocol of docs/probe-protocol.md.

The operators are plain functions, so that a serving loop can run the very same ones (apps/bench/real-loop).
"""
import ctypes
import json
import math
import os
import platform
import sys
import time

if "--threads" in sys.argv:  # Before NumPy loads its BLAS.
    threads = sys.argv[sys.argv.index("--threads") + 1]
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[variable] = threads

ROOM = int(sys.argv[sys.argv.index("--room") + 1]) if "--room" in sys.argv else 0  # Tokens that each KV cache has room for.

import numpy as np  # noqa: E402


def keep_memory():
    """Has malloc keep what is freed, as the allocator of a serving engine does: returned pages would be faulted in again at each call."""
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 25)  # M_MMAP_THRESHOLD, at its limit
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD
    except (OSError, AttributeError):
        pass  # Not glibc: its allocator does as it likes.


keep_memory()

RELEASE = "1.0"
QUERY_TILE = 64  # Query rows of prefill attention that are worked off together.
POOL_BYTES = 1 << 30  # Copies of weights and caches take at most so much.
MOST_OTHERS = 64 << 20  # More than any cache of a core holds.

# ---- operators: float32, rows first ----------------------------------------------------------------------------------


def gemm(x, weight, out):
    """rows × k · k × n into `out`."""
    return np.matmul(x, weight, out=out)


def embedding(table, ids):
    return np.take(table, ids, axis=0)


def rms_norm(x, weight):
    return x * (1.0 / np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + 1e-6)) * weight


def add_norm(x, residual, weight):
    """Adds the residual in place and normalises the sum."""
    residual += x
    return rms_norm(residual, weight)


def rotary(q, k, cos, sin):
    """q: rows × heads × d, k: rows × kvHeads × d; cos, sin: rows × 1 × d/2. In place."""
    for x in (q, k):
        half = x.shape[-1] // 2
        low, high = x[..., :half], x[..., half:]
        turned = low * cos - high * sin
        high *= cos
        high += low * sin
        low[...] = turned
    return q, k


def gated_activation(x):
    width = x.shape[-1] // 2
    gate, up = x[:, :width], x[:, width:]
    return gate / (1.0 + np.exp(-gate)) * up


def sampler(logits):
    return np.argmax(logits.astype(np.float32, copy=False), axis=-1)


def softmax(scores):
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def decode_attention(q, k, v, caches, lengths, out):
    """One new token of each sequence. q: n × heads × d; k, v: n × kvHeads × d; caches: (keys, values), each kvHeads × room × d."""
    n, heads, dim = q.shape
    kv_heads = k.shape[1]
    scale = 1.0 / math.sqrt(dim)
    grouped = q.reshape(n, kv_heads, heads // kv_heads, dim)
    for i in range(n):
        keys, values = caches[i]
        length = lengths[i]
        keys[:, length] = k[i]
        values[:, length] = v[i]
        scores = np.matmul(grouped[i], keys[:, : length + 1].transpose(0, 2, 1))
        scores *= scale
        out[i] = np.matmul(softmax(scores), values[:, : length + 1]).reshape(heads, dim)
    return out


def prefill_attention(q, k, v, cache, context, out):
    """A causal chunk over `context` cached tokens, a tile of query rows at a time, each over the keys that it sees."""
    rows, heads, dim = q.shape
    kv_heads = k.shape[1]
    group = heads // kv_heads
    scale = 1.0 / math.sqrt(dim)
    keys, values = cache
    keys[:, context : context + rows] = k.transpose(1, 0, 2)
    values[:, context : context + rows] = v.transpose(1, 0, 2)
    for start in range(0, rows, QUERY_TILE):
        end = min(rows, start + QUERY_TILE)
        tile = end - start
        seen = context + end
        queries = q[start:end].reshape(tile, kv_heads, group, dim).transpose(1, 2, 0, 3).reshape(kv_heads, group * tile, dim)
        scores = np.matmul(queries, keys[:, :seen].transpose(0, 2, 1))
        scores *= scale
        square = scores.reshape(kv_heads, group, tile, seen)[..., context + start :]
        square += TRIANGLE[:tile, :tile]
        mixed = np.matmul(softmax(scores), values[:, :seen])
        out[start:end] = mixed.reshape(kv_heads, group, tile, dim).transpose(2, 0, 1, 3).reshape(tile, heads, dim)
    return out


TRIANGLE = np.triu(np.full((QUERY_TILE, QUERY_TILE), -np.inf, dtype=np.float32), 1)


def experts(x, router, gate_up, down, top_k):
    """Top-k routing, then each chosen expert on its tokens."""
    chosen = np.argpartition(np.matmul(x, router), -top_k, axis=-1)[:, -top_k:]
    out = np.zeros_like(x)
    for expert in np.unique(chosen):
        tokens = np.nonzero((chosen == expert).any(axis=-1))[0]
        out[tokens] += np.matmul(gated_activation(np.matmul(x[tokens], gate_up[expert])), down[expert])
    return out


# ---- the probe: from an operator and a shape to a call that can be timed, and the inputs that the operator before leaves in a cache --


class Arena:
    """
    Arrays out of few large blocks, as an engine keeps weights and KV caches: NumPy asks for huge pages for blocks of 4 MiB and more. In
    small pages a model of ten megabytes overflows a core's address cache, and every product waits for page walks.
    """

    BLOCK = 1 << 24  # floats

    def __init__(self):
        self.block, self.used = np.empty(0, np.float32), 0

    def take(self, *shape):
        size = math.prod(shape)
        if self.used + size > len(self.block):
            self.block, self.used = np.empty(max(size, self.BLOCK), np.float32), 0
        taken = self.block[self.used : self.used + size].reshape(shape)
        self.used += (size + 31) // 32 * 32 + 32  # Whole cache lines, and no two arrays at the same place of their pages.
        return taken


ARENA = Arena()


def filled(*shape):
    """Numbers without zeros or subnormals, whose arithmetic takes another time."""
    array = ARENA.take(*shape)
    array.reshape(-1)[...] = np.arange(array.size, dtype=np.float32) % 31 / 31 - 0.45
    return array


def copies_of(count, make, nbytes):
    """As many sets as there are layers, or as memory allows."""
    return [make() for _ in range(max(1, min(count, POOL_BYTES // max(1, nbytes))))]


def make_gemm(o, s):
    weights = copies_of(o["copies"], lambda: filled(o["k"], o["n"]), 4 * o["n"] * o["k"])
    x, out = filled(s["rows"], o["k"]), np.empty((s["rows"], o["n"]), np.float32)
    return (lambda i: gemm(x, weights[i % len(weights)], out)), [x]


def make_embedding(o, s):
    table, ids = filled(o["vocabulary"], o["width"]), np.arange(s["rows"]) * 97 % o["vocabulary"]
    return (lambda i: embedding(table, ids)), [ids]


def make_norm(o, s):
    x, residual, weight = filled(s["rows"], o["width"]), filled(s["rows"], o["width"]), filled(o["width"])
    return (lambda i: add_norm(x, residual, weight)), [x, residual]


def make_head_norm(o, s):
    x, weight = filled(s["rows"], o["heads"], o["headDim"]), filled(o["headDim"])
    return (lambda i: rms_norm(x, weight)), [x]


def make_rotary(o, s):
    q, k = filled(s["rows"], o["heads"], o["headDim"]), filled(s["rows"], o["kvHeads"], o["headDim"])
    cos, sin = np.full((s["rows"], 1, o["headDim"] // 2), 0.8, np.float32), np.full((s["rows"], 1, o["headDim"] // 2), 0.6, np.float32)
    return (lambda i: rotary(q, k, cos, sin)), [q, k]


def make_gated_activation(o, s):
    x = filled(s["rows"], 2 * o["width"])
    return (lambda i: gated_activation(x)), [x]


def make_sampler(o, s):
    logits = filled(s["rows"], o["vocabulary"])
    return (lambda i: sampler(logits)), [logits]


def make_elementwise(o, s):
    x = filled(s["rows"] * max(1, o["bytesPerRow"] // 8))
    out = np.empty_like(x)
    return (lambda i: np.add(x, 1.0, out=out)), [x]


def contexts_of(s):
    """Context of each decoding sequence: equal, or one long and the others sharing the rest."""
    n, mean = s["decodes"], s["decodeContext"]
    if n < 2 or "longestContext" not in s:
        return [mean] * n
    rest = (n * mean - s["longestContext"]) / (n - 1)
    return [s["longestContext"]] + [max(0, round(rest))] * (n - 1)


def make_cache(arena, kv_heads, room, dim):
    """Keys and values of one sequence in one layer, with room for `room` tokens, which an odd number of cache lines keeps apart."""
    pair = arena.take(kv_heads, room + 3, dim), arena.take(kv_heads, room + 3, dim)
    for half in pair:
        half[...] = 0.1
    return pair


def make_attention(o, s):
    heads, kv_heads, dim = o["heads"], o["kvHeads"], o["headDim"]
    lengths = contexts_of(s)
    rows, context = s["newTokens"], s["context"]
    room = max([ROOM, context + rows] + [length + 1 for length in lengths])

    def make_caches():
        return [make_cache(ARENA, kv_heads, room, dim) for _ in lengths], make_cache(ARENA, kv_heads, room, dim) if rows > 0 else None

    caches = copies_of(o["copies"], make_caches, 8 * kv_heads * dim * room * (len(lengths) + (rows > 0)))
    inputs = lambda n: (filled(n, heads, dim), filled(n, kv_heads, dim), filled(n, kv_heads, dim), np.empty((n, heads, dim), np.float32))
    q, k, v, out = inputs(rows)
    dq, dk, dv, dout = inputs(len(lengths))

    def call(i):
        decoding, prefilling = caches[i % len(caches)]
        if rows > 0:
            prefill_attention(q, k, v, prefilling, context, out)
        if lengths:
            decode_attention(dq, dk, dv, decoding, lengths, dout)

    return call, [q, k, v, dq, dk, dv]


def make_moe(o, s):
    hidden, width, count, top_k = o["hiddenSize"], o["intermediateSize"], o["experts"], o["topK"]
    weights = copies_of(o["copies"], lambda: (filled(count, hidden, 2 * width), filled(count, width, hidden)), 12 * count * hidden * width)
    x, router = np.zeros((s["rows"], hidden), np.float32), np.zeros((hidden, count), np.float32)
    # Token t wants experts t·k … t·k + k − 1 among the activated ones: as many are chosen as were asked for.
    side = min(hidden, count)
    router[:side, :side] = np.eye(side)
    for t in range(s["rows"]):
        for j in range(top_k):
            x[t, (t * top_k + j) % s["activatedExperts"] % side] = 1.0
    return (lambda i: experts(x, router, *weights[i % len(weights)], top_k)), [x]


MAKERS = {
    "gemm": make_gemm,
    "embedding": make_embedding,
    "norm": make_norm,
    "head-norm": make_head_norm,
    "rotary": make_rotary,
    "gated-activation": make_gated_activation,
    "sampler": make_sampler,
    "elementwise": make_elementwise,
    "attention": make_attention,
    "moe": make_moe,
}


def hello():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    device = {"name": f"{cpu_name()}, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} core(s)"}
    if memory > 0:
        device["memoryBytes"] = memory
    return {
        "type": "hello",
        "protocol": 1,
        "probe": {"name": "numpy-probe", "release": RELEASE},
        "device": device,
        "software": {"numpy": np.__version__, "python": platform.python_version()},
        "dtypes": ["fp32"],
        "operators": list(MAKERS),
    }


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


class Others:
    """
    The rest of a step, as the caches see it: between two calls of an operator an engine runs through the layer's other weights. So many
    bytes are read before each timed call; without, small models would be timed out of a cache that is theirs only in a benchmark.
    """

    def __init__(self, step_bytes, copies, inputs):
        self.inputs = [array for array in inputs if array.size > 0]
        self.slice = min(MOST_OTHERS, step_bytes // max(1, copies)) // 4
        self.memory = np.ones(max(1, min(2 * MOST_OTHERS, step_bytes) // 4), np.float32)
        self.at = 0

    def pass_by(self):
        if self.slice == 0:
            return
        if self.at + self.slice > len(self.memory):
            self.at = 0
        self.memory[self.at : self.at + self.slice].max()
        self.at += self.slice
        for array in self.inputs:
            array.max()


def measure(call, warmup, repeats, first, others):
    """Microseconds of `repeats` calls, and how many calls there were in all."""
    for i in range(first, first + warmup):
        call(i)
    us = []
    for i in range(first + warmup, first + warmup + repeats):
        others.pass_by()
        start = time.perf_counter_ns()
        call(i)
        us.append((time.perf_counter_ns() - start) / 1000)
    return us, first + warmup + repeats


def main():
    global ARENA
    known, call, count, others = None, None, 0, None
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "bye":
            return
        if message["type"] == "hello":
            answer = hello()
        else:
            answer = {"id": message["id"]}
            operator, shape = message["operator"], message["shape"]
            try:
                if operator["kind"] not in MAKERS:
                    raise NotImplementedError(f"no operator {operator['kind']}")
                if known != (operator, shape):
                    known, call, count, others = None, None, 0, None  # Frees the tensors of the last shape first.
                    ARENA = Arena()
                    call, inputs = MAKERS[operator["kind"]](operator, shape)
                    others = Others(message.get("stepBytes", 0), operator["copies"], inputs)
                    known = (operator, shape)
                us, count = measure(call, message["warmup"], message["repeats"], count, others)
                answer.update(type="times", us=us)
            except NotImplementedError as error:
                answer.update(type="error", reason="unsupported", message=str(error))
            except MemoryError:
                answer.update(type="error", reason="out-of-memory", message="not enough memory for this shape")
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
