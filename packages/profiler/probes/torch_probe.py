"""Probe of any device that PyTorch runs on, CUDA and CPU: times the operators of a model as a serving engine runs them. One file; speaks the
protocol of docs/probe-protocol.md.

    servesim profile --device h100-sxm --model meta-llama/Llama-3.1-8B --probe torch -o bundles/h100
    servesim profile --device my-cpu --model config.json --probe "torch --device cpu" -o bundles/my-cpu

On CUDA each shape is captured into a graph and replayed, and timed by events on the device; `--no-graphs` launches kernel by kernel.
Attention is FlashAttention's own kernel where the flash_attn package is installed, else PyTorch's fused attention.
"""
import argparse
import functools
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F

try:
    from flash_attn import flash_attn_func, flash_attn_with_kvcache
except ImportError:
    flash_attn_func = flash_attn_with_kvcache = None

RELEASE = torch.__version__.split("+")[0]
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
CALLS_PER_GRAPH = 8  # Different layers' weights in a row, so that none is found in a cache.

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cuda, cuda:1, cpu")
parser.add_argument("--no-graphs", action="store_true", help="launch kernel by kernel")
parser.add_argument("--threads", type=int, help="threads of a CPU")
parser.add_argument("--ranks", type=int, help="ranks for collectives (default: the GPUs there are, 1 on a CPU)")
options = parser.parse_args()
DEVICE = torch.device(options.device)
ON_CUDA = DEVICE.type == "cuda"
GRAPHS = ON_CUDA and not options.no_graphs
RANKS = options.ranks or (torch.cuda.device_count() if ON_CUDA else 1)


def tensor(dtype, *shape):
    return torch.randn(*shape, dtype=torch.float32, device=DEVICE).to(dtype)


def size_of(dtype):
    return torch.empty(0, dtype=dtype).element_size()


def pool_bytes():
    """Memory for copies of weights and caches: a third of what is free, a GiB on a CPU."""
    return torch.cuda.mem_get_info(DEVICE)[0] // 3 if ON_CUDA else 1 << 30


def copies_of(o, make, nbytes):
    count = min(o["copies"], pool_bytes() // max(1, nbytes))
    return [make() for _ in range(max(1, count))]


# ---- operators: each maker gives call(i), which runs the i-th layer's ------------------------------------------------


def make_gemm(o, s, dtype):
    weights = copies_of(o, lambda: tensor(dtype, o["n"], o["k"]) * 0.02, o["n"] * o["k"] * size_of(dtype))
    x = tensor(dtype, s["rows"], o["k"])
    return lambda i: F.linear(x, weights[i % len(weights)])


def make_embedding(o, s, dtype):
    table = tensor(dtype, o["vocabulary"], o["width"])
    ids = torch.arange(s["rows"], device=DEVICE) * 97 % o["vocabulary"]
    return lambda i: F.embedding(ids, table)


def rms_norm(x, weight):
    if hasattr(F, "rms_norm"):
        return F.rms_norm(x, (x.shape[-1],), weight, 1e-6)
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * weight


def make_norm(o, s, dtype):
    x, residual, weight = tensor(dtype, s["rows"], o["width"]), tensor(dtype, s["rows"], o["width"]), tensor(dtype, o["width"])

    def add_norm(x, residual):
        total = x + residual
        return rms_norm(total, weight), total

    run = fused(add_norm)
    return lambda i: run(x, residual)


def make_head_norm(o, s, dtype):
    x, weight = tensor(dtype, s["rows"], o["heads"], o["headDim"]), tensor(dtype, o["headDim"])
    run = fused(lambda x: rms_norm(x, weight))
    return lambda i: run(x)


def make_rotary(o, s, dtype):
    half = o["headDim"] // 2
    x = tensor(dtype, s["rows"], o["heads"] + o["kvHeads"], o["headDim"])
    cos, sin = tensor(dtype, s["rows"], 1, half), tensor(dtype, s["rows"], 1, half)

    def rotary(x):
        low, high = x[..., :half], x[..., half:]
        return torch.cat((low * cos - high * sin, high * cos + low * sin), -1)

    run = fused(rotary)
    return lambda i: run(x)


def make_gated_activation(o, s, dtype):
    x = tensor(dtype, s["rows"], 2 * o["width"])

    def gated(x):
        gate, up = x.chunk(2, -1)
        return F.silu(gate) * up

    run = fused(gated)
    return lambda i: run(x)


def make_sampler(o, s, dtype):
    logits = tensor(dtype, s["rows"], o["vocabulary"])
    return lambda i: logits.float().argmax(-1)


def make_elementwise(o, s, dtype):
    x = tensor(dtype, s["rows"], max(1, o["bytesPerRow"] // (2 * size_of(dtype))))
    out = torch.empty_like(x)
    return lambda i: torch.add(x, 1.0, out=out)


def fused(function):
    """Engines run these as one kernel; on a GPU the compiler fuses them where it is there."""
    if not ON_CUDA or not hasattr(torch, "compile"):
        return function
    compiled = torch.compile(function, dynamic=False)

    @functools.wraps(function)
    def run(*inputs):
        nonlocal compiled
        try:
            return compiled(*inputs)
        except Exception:  # No compiler on this machine: kernel by kernel, as PyTorch itself would.
            if compiled is function:
                raise
            compiled = function
            return function(*inputs)

    return run


def attend(q, k, v, causal_offset=None):
    """q: n × heads × rows × d; k, v: n × kvHeads × keys × d. With an offset row r sees keys up to offset + r."""
    rows, keys = q.shape[2], k.shape[2]
    mask = None
    if causal_offset is not None and causal_offset > 0:
        mask = torch.ones(rows, keys, dtype=torch.bool, device=q.device).tril(causal_offset)
    if hasattr(F, "scaled_dot_product_attention"):
        return fused_attention(q, k, v, mask, causal_offset == 0)
    group = q.shape[1] // k.shape[1]
    scores = torch.matmul(q.unflatten(1, (k.shape[1], group)).flatten(2, 3), k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
    if causal_offset is not None:
        seen = torch.ones(rows, keys, dtype=torch.bool, device=q.device).tril(causal_offset).repeat(group, 1)
        scores.masked_fill_(~seen, -math.inf)
    return torch.matmul(scores.softmax(-1), v).unflatten(2, (group, rows)).flatten(1, 2)


def fused_attention(q, k, v, mask, causal):
    if q.shape[1] == k.shape[1]:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
    try:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=True)
    except TypeError:  # Before PyTorch 2.5.
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)


def contexts_of(s):
    """Context of each decoding sequence: equal, or one long and the others sharing the rest."""
    n, mean = s["decodes"], s["decodeContext"]
    if n < 2 or "longestContext" not in s:
        return [mean] * n
    rest = (n * mean - s["longestContext"]) / (n - 1)
    return [s["longestContext"]] + [max(0, round(rest))] * (n - 1)


def make_attention(o, s, dtype):
    parts = []
    if s["newTokens"] > 0:
        parts.append(make_chunk(o, s["newTokens"], s["context"], dtype))
    contexts = contexts_of(s)
    if contexts:
        parts.append(make_decodes(o, contexts, dtype))
    return lambda i: [part(i) for part in parts]


def make_chunk(o, rows, context, dtype):
    heads, kv_heads, dim, keys = o["heads"], o["kvHeads"], o["headDim"], context + rows
    pair = lambda: (tensor(dtype, 1, keys, kv_heads, dim), tensor(dtype, 1, keys, kv_heads, dim))
    caches = copies_of(o, pair, 2 * keys * kv_heads * dim * size_of(dtype))
    q = tensor(dtype, 1, rows, heads, dim)
    if uses_flash(dtype):
        return lambda i: flash_attn_func(q, *caches[i % len(caches)], causal=True)
    heads_first = [tuple(cache.transpose(1, 2).contiguous() for cache in pair) for pair in caches]
    queries = q.transpose(1, 2).contiguous()
    return lambda i: attend(queries, *heads_first[i % len(heads_first)], causal_offset=context)


def make_decodes(o, contexts, dtype):
    heads, kv_heads, dim = o["heads"], o["kvHeads"], o["headDim"]
    n, longest = len(contexts), max(contexts) + 1
    # Without a kernel for unequal lengths every sequence is a call of its own.
    equal = len(set(contexts)) == 1
    q, new = tensor(dtype, n, 1, heads, dim), tensor(dtype, n, 1, kv_heads, dim)
    if uses_flash(dtype):
        pair = lambda: (tensor(dtype, n, longest, kv_heads, dim), tensor(dtype, n, longest, kv_heads, dim))
        caches = copies_of(o, pair, 2 * n * longest * kv_heads * dim * size_of(dtype))
        lengths = torch.tensor(contexts, dtype=torch.int32, device=DEVICE)
        return lambda i: flash_attn_with_kvcache(q, *caches[i % len(caches)], new, new, cache_seqlens=lengths, causal=True)
    batches = [(n, contexts[0])] if equal else [(1, context) for context in contexts]

    def make_caches():
        pair = lambda count, keys: (tensor(dtype, count, kv_heads, keys, dim), tensor(dtype, count, kv_heads, keys, dim))
        return [pair(count, context + 1) for count, context in batches]

    total = sum(count * (context + 1) for count, context in batches)
    caches = copies_of(o, make_caches, 2 * total * kv_heads * dim * size_of(dtype))
    queries, fresh = q.transpose(1, 2).contiguous(), new.transpose(1, 2).contiguous()

    def call(i):
        start = 0
        for keys, values in caches[i % len(caches)]:
            end = start + keys.shape[0]
            keys[:, :, -1:], values[:, :, -1:] = fresh[start:end], fresh[start:end]
            attend(queries[start:end], keys, values)
            start = end

    return call


def uses_flash(dtype):
    return ON_CUDA and flash_attn_func is not None and dtype in (torch.bfloat16, torch.float16)


def make_moe(o, s, dtype):
    hidden, width, count, top_k, rows = o["hiddenSize"], o["intermediateSize"], o["experts"], o["topK"], s["rows"]
    weights = copies_of(
        o,
        lambda: (tensor(dtype, count, hidden, 2 * width) * 0.02, tensor(dtype, count, width, hidden) * 0.02),
        3 * count * hidden * width * size_of(dtype),
    )
    x, router = tensor(dtype, rows, hidden), tensor(dtype, hidden, count)
    # Token t goes to experts t·k … t·k + k − 1 among the activated ones; what the router says only costs its time.
    chosen = torch.arange(rows * top_k, device=DEVICE) % s["activatedExperts"]
    order = torch.argsort(chosen, stable=True)
    tokens = order // top_k
    sizes = torch.bincount(chosen, minlength=count)
    bounds = sizes.cumsum(0).tolist()
    ends = sizes.cumsum(0).to(torch.int32)
    grouped = getattr(torch, "_grouped_mm", None) if ON_CUDA and dtype == torch.bfloat16 else None

    def call(i):
        gate_up, down = weights[i % len(weights)]
        shares = torch.topk(torch.matmul(x, router).float().softmax(-1), top_k).values.flatten()[order].to(dtype)
        gathered = x[tokens]
        if grouped is not None:
            gate, up = grouped(gathered, gate_up, offs=ends).chunk(2, -1)
            out = grouped(F.silu(gate) * up, down, offs=ends)
        else:
            out = torch.empty_like(gathered)
            start = 0
            for expert, end in enumerate(bounds):
                if end > start:
                    gate, up = torch.matmul(gathered[start:end], gate_up[expert]).chunk(2, -1)
                    out[start:end] = torch.matmul(F.silu(gate) * up, down[expert])
                start = end
        return torch.zeros_like(x).index_add_(0, tokens, out * shares[:, None])

    return call


# ---- collectives: this process is rank 0, the others follow what it broadcasts ---------------------------------------


def join(rank, ranks, store):
    import torch.distributed as dist

    if ON_CUDA:
        torch.cuda.set_device(rank)
    dist.init_process_group("nccl" if ON_CUDA else "gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    return dist


def collective_call(dist, collective, ranks, nbytes, rank):
    place = torch.device("cuda", rank) if ON_CUDA else DEVICE
    buffer = lambda size: torch.ones(max(1, int(size) // 2), dtype=torch.bfloat16 if ON_CUDA else torch.float16, device=place)
    if collective == "all-reduce":
        whole = buffer(nbytes) if ON_CUDA else buffer(2 * nbytes).float()[: max(1, int(nbytes) // 4)]
        return lambda i: dist.all_reduce(whole)
    part, whole = buffer(nbytes), buffer(nbytes * ranks)
    if collective == "all-gather":
        if ON_CUDA:
            return lambda i: dist.all_gather_into_tensor(whole, part)
        return lambda i: dist.all_gather(list(whole.chunk(ranks)), part)
    if not ON_CUDA:
        raise NotImplementedError(f"{collective} needs GPUs")
    if collective == "reduce-scatter":
        return lambda i: dist.reduce_scatter_tensor(part, whole)
    return lambda i: dist.all_to_all_single(whole, whole.clone())


def follow(rank, ranks, store):
    """What the other ranks do: the calls that rank 0 announces, until it says no more."""
    dist = join(rank, ranks, store)
    while True:
        order = [None]
        dist.broadcast_object_list(order, 0)
        if order[0] is None:
            return
        collective, nbytes, calls = order[0]
        call = collective_call(dist, collective, ranks, nbytes, rank)
        for i in range(calls):
            call(i)
        if ON_CUDA:
            torch.cuda.synchronize()


class Group:
    """Ranks that were started for one group size."""

    def __init__(self, ranks):
        self.ranks = ranks
        store = tempfile.NamedTemporaryFile(delete=False).name
        os.unlink(store)
        arguments = [sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
        environment = lambda rank: {**os.environ, "SERVESIM_PROBE_RANK": json.dumps([rank, ranks, store])}
        self.others = [subprocess.Popen(arguments, env=environment(rank), stdin=subprocess.DEVNULL, stdout=2) for rank in range(1, ranks)]
        self.dist = join(0, ranks, store)

    def measure(self, collective, nbytes, warmup, repeats):
        call = collective_call(self.dist, collective, self.ranks, nbytes, 0)
        self.dist.broadcast_object_list([(collective, nbytes, warmup + repeats)], 0)
        return timed(call, warmup, repeats)

    def leave(self):
        self.dist.broadcast_object_list([None], 0)
        for other in self.others:
            other.wait(10)


# ---- timing ----------------------------------------------------------------------------------------------------------


def timed(call, warmup, repeats, first=0):
    """Microseconds of each call: by events on the device, else by the clock."""
    for i in range(first, first + warmup):
        call(i)
    calls = range(first + warmup, first + warmup + repeats)
    if not ON_CUDA:
        us = []
        for i in calls:
            start = time.perf_counter_ns()
            call(i)
            us.append((time.perf_counter_ns() - start) / 1000)
        return us
    torch.cuda.synchronize()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in calls]
    for (start, end), i in zip(events, calls):
        start.record()
        call(i)
        end.record()
    torch.cuda.synchronize()
    return [start.elapsed_time(end) * 1000 for start, end in events]


class Captured:
    """Several layers' calls in one graph; a repeat is a replay, its time the mean of a call."""

    def __init__(self, call, copies):
        self.calls = max(1, min(CALLS_PER_GRAPH, copies))
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for i in range(3):
                call(i)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            for i in range(self.calls):
                call(i)

    def measure(self, warmup, repeats):
        return [us / self.calls for us in timed(lambda i: self.graph.replay(), warmup, repeats)]


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


class Prober:
    def __init__(self):
        self.known, self.call, self.captured, self.count, self.group = None, None, None, 0, None
        self.state, self.state_s = {}, 0.0

    def measure(self, message):
        operator, shape, dtype = message["operator"], message["shape"], message["dtype"]
        warmup, repeats = message["warmup"], message["repeats"]
        if operator["kind"] == "collective":
            return self.collective(operator, shape, warmup, repeats)
        if operator["kind"] not in MAKERS or dtype not in DTYPES:
            raise NotImplementedError(f"no {operator['kind']} in {dtype}")
        if self.known != (operator, shape, dtype):
            self.known = self.call = self.captured = None  # Frees the tensors of the last shape first.
            if ON_CUDA:
                torch.cuda.empty_cache()
            self.call, self.count = MAKERS[operator["kind"]](operator, shape, DTYPES[dtype]), 0
            self.captured = Captured(self.call, operator["copies"]) if GRAPHS else None
            self.known = (operator, shape, dtype)
        if self.captured is not None:
            return self.captured.measure(warmup, repeats)
        us = timed(self.call, warmup, repeats, self.count)
        self.count += warmup + repeats
        return us

    def collective(self, operator, shape, warmup, repeats):
        if self.group is None or self.group.ranks != operator["ranks"]:
            self.leave()
            self.group = Group(operator["ranks"])
        return self.group.measure(operator["collective"], shape["bytes"], warmup, repeats)

    def leave(self):
        if self.group is not None:
            self.group.leave()
            self.group.dist.destroy_process_group()
            self.group = None

    def clocks(self):
        """Clock, temperature and throttling as the driver tells them, looked at every few seconds."""
        if not ON_CUDA or time.monotonic() - self.state_s < 3:
            return self.state
        self.state_s = time.monotonic()
        query = "clocks.sm,temperature.gpu,clocks_throttle_reasons.hw_slowdown,clocks_throttle_reasons.sw_thermal_slowdown"
        command = ["nvidia-smi", f"--id={DEVICE.index or 0}", f"--query-gpu={query}", "--format=csv,noheader,nounits"]
        try:
            clock, celsius, *reasons = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip().split(", ")
            self.state = {"clockMhz": float(clock), "temperatureC": float(celsius), "throttled": "Active" in reasons}
        except (OSError, ValueError, subprocess.SubprocessError):
            self.state = {}
        return self.state


def hello():
    software = {"torch": torch.__version__, "python": platform.python_version()}
    if ON_CUDA:
        properties = torch.cuda.get_device_properties(DEVICE)
        software["cuda"] = str(torch.version.cuda)
        if flash_attn_func is not None:
            software["flash_attn"] = sys.modules["flash_attn"].__version__
        device = {
            "name": properties.name,
            "vendor": "AMD" if torch.version.hip else "NVIDIA",
            "memoryBytes": properties.total_memory,
            "streamingMultiprocessors": properties.multi_processor_count,
        }
        if getattr(properties, "L2_cache_size", 0) > 0:
            device["l2Bytes"] = properties.L2_cache_size
    else:
        device = {"name": f"{cpu_name()}, {torch.get_num_threads()} thread(s)"}
        if hasattr(os, "sysconf"):
            device["memoryBytes"] = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "type": "hello",
        "protocol": 1,
        "probe": {"name": "torch", "release": RELEASE},
        "device": device,
        "software": software,
        "launch": "graph" if GRAPHS else "eager",
        "dtypes": ["bf16", "fp16", "fp32"] if ON_CUDA else ["fp32", "bf16"],
        "operators": [*MAKERS, "collective"],
        "ranks": RANKS,
    }


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def answer_to(message, prober):
    if message["type"] == "hello":
        return hello()
    try:
        return {"type": "times", "id": message["id"], "us": prober.measure(message), **prober.clocks()}
    except NotImplementedError as error:
        return {"type": "error", "id": message["id"], "reason": "unsupported", "message": str(error)}
    except (MemoryError, RuntimeError) as error:
        text = str(error)
        if not isinstance(error, MemoryError) and "memory" not in text and "alloc" not in text:
            raise
        return {"type": "error", "id": message["id"], "reason": "out-of-memory", "message": text.split("\n")[0][:200]}


@torch.inference_mode()
def main():
    if options.threads:
        torch.set_num_threads(options.threads)
    if "SERVESIM_PROBE_RANK" in os.environ:
        return follow(*json.loads(os.environ["SERVESIM_PROBE_RANK"]))
    if ON_CUDA:
        torch.cuda.set_device(DEVICE)
    prober = Prober()
    # Libraries print where they like; only messages may go to stdout.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "bye":
            break
        channel.write(json.dumps(answer_to(message, prober)) + "\n")
        channel.flush()
    prober.leave()


main()
