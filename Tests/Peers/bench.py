#!/usr/bin/env python3
"""Measures training and products beside PyTorch + PEFT, in turn on the same machine.

usage: bench.py [--rounds N] [--only NAME,…] [--write Tests/Benchmarks.md] [--build .build/release]
       [--peers FOLDER] [--models FOLDER]

Needs torch, transformers, peft, numpy and safetensors in the Python that runs it, and the peers' own script
(lora_bench.py and make_models.py, the folder ../shared/tools/peers unless told otherwise). Both sides of a ratio run in
turn, ours first; a figure is the median over rounds of the median over steps. Look at the load of the machine first:
one foreign process can cost either side a factor of five.
"""

import argparse
import json
import os
import re
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BATCH, WINDOW = 4, 256
MODELS = {"a": "a-smollm2-135m", "b": "b-qwen2.5-0.5b", "c": "c-stories15m"}
NAMES = {"a": "SmolLM2-135M", "b": "Qwen2.5-0.5B", "c": "stories15M"}
# Matrix parameters (the head among them), layers, width of all heads, LoRA parameters of all linear layers, r 8.
SHAPES = {
    "a": dict(n=134_479_872, layers=30, width=576, lora=2_442_240, lora_qv=460_800),
    "b": dict(n=493_961_216, layers=24, width=896, lora=4_399_104, lora_qv=540_672),
    "c": dict(n=15_187_968, layers=6, width=288, lora=344_064, lora_qv=55_296),
}
# name: model, what is trained, our precision, the peer's, variant forced on both
WORK = {
    "lora-qv-135m": ("a", "qv", "bf16", "bf16", None),
    "lora-all-135m": ("a", "all", "bf16", "bf16", None),
    "lora-qv-0.5b": ("b", "qv", "bf16", "bf16", None),
    "lora-all-0.5b": ("b", "all", "bf16", "bf16", None),
    "full-15m": ("c", "full", "bf16", "bf16", None),
    "full-15m-f32": ("c", "full", "f32", "fp32", None),
    "lora-qv-135m-f32": ("a", "qv", "f32", "fp32", None),
    "lora-qv-135m-avx2": ("a", "qv", "f32", "fp32", "avx2"),
}
FLOORS = {
    "lora-qv-135m": (5, 0.5), "lora-all-135m": (5, 0.5), "lora-qv-0.5b": (4, 0.5), "lora-all-0.5b": (4, 0.5),
    "full-15m": (4, None), "lora-qv-135m-avx2": (1, None),
}
TORCH_AVX2 = dict(
    ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2", MKL_ENABLE_INSTRUCTIONS="AVX2")


def flops_per_token(model, mode):
    """Multiply and add count as two: 4 N for a frozen base (6 N where it is trained), attention forward and backward
    over the causal half, and the factors of the adapter."""
    s = SHAPES[model]
    attention = 3.5 * 2 * WINDOW * s["width"] * s["layers"]
    if mode == "full":
        return 6 * s["n"] + attention
    return 4 * s["n"] + attention + 6 * (s["lora"] if mode == "all" else s["lora_qv"])


def write_tokens(path, vocabulary, samples):
    import numpy

    ids = numpy.random.default_rng(1).integers(0, vocabulary, size=samples * WINDOW, dtype=numpy.int32)
    tensors = {
        "input_ids": ("I32", ids), "labels": ("I32", ids),
        "offsets": ("I64", numpy.arange(0, samples * WINDOW + 1, WINDOW, dtype=numpy.int64)),
    }
    header, at, body = {}, 0, b""
    for name, (kind, values) in tensors.items():
        data = values.tobytes()
        header[name] = {"dtype": kind, "shape": [len(values)], "data_offsets": [at, at + len(data)]}
        at += len(data)
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def run(command, environment, progress=False):
    """Runs a program; returns its output, the lines of its progress, and its peak memory in MB."""
    reader, writer = os.pipe() if progress else (None, None)
    arguments = ["/bin/sh", "-c", 'exec 3>&"$0" "$@"', str(writer)] + command if progress else command
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE if not progress else subprocess.DEVNULL,
        pass_fds=[writer] if progress else [], env={**os.environ, **environment})
    lines = []
    if progress:
        os.close(writer)
        with os.fdopen(reader) as stream:
            lines = [json.loads(line) for line in stream]
    output = process.stdout.read().decode()
    errors = process.stderr.read().decode() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{errors[-2000:]}")
    return output, lines, usage.ru_maxrss / 1024


class Answers:
    """A process that answers a line with a line."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended")
        return line.strip()

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return float(self.line())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# Outputs and inputs of every matrix of the three models.
LAYERS = {
    "SmolLM2-135M": [(576, 576), (192, 576), (1536, 576), (576, 1536), (49152, 576)],
    "Qwen2.5-0.5B": [(896, 896), (128, 896), (4864, 896), (896, 4864), (151936, 896)],
    "stories15M": [(288, 288), (768, 288), (288, 768), (32000, 288)],
}


class Bench:
    def __init__(self, options):
        self.options = options
        self.scratch = tempfile.mkdtemp(prefix="plm-bench-")
        self.models = options.models or os.path.join(self.scratch, "models")

    def model(self, letter):
        folder = os.path.join(self.models, MODELS[letter])
        if not os.path.exists(folder):
            os.makedirs(self.models, exist_ok=True)
            run([sys.executable, os.path.join(self.options.peers, "make_models.py"), self.models, letter], {})
        return folder

    def ours(self, letter, mode, precision, variant, steps):
        folder = self.model(letter)
        with open(os.path.join(folder, "config.json")) as file:
            vocabulary = json.load(file)["vocab_size"]
        tokens = os.path.join(self.scratch, f"tokens-{vocabulary}-{steps}.safetensors")
        if not os.path.exists(tokens):
            write_tokens(tokens, vocabulary, steps * BATCH)
        # train refuses settings that its method has no use for.
        own = ["method=full", "weights_type=BF16"] if mode == "full" else [
            "method=lora", "rank=8", "alpha=16", f"targets={'q_proj,v_proj' if mode == 'qv' else 'all-linear'}"]
        settings = own + [
            "epochs=1", f"precision={precision}", f"batch_size={BATCH}", "learning_rate=0.0001", "weight_decay=0.01",
            "clip=0", "warmup=0", "schedule=constant", "threads=2",
        ]
        command = [
            os.path.join(self.options.build, "train"), "--store", os.path.join(self.scratch, "store"), "--in",
            "base=" + folder, "--in", "tokens=" + tokens]
        for setting in settings:
            command += ["--set", setting]
        _, lines, memory = run(command, {"PLM_KERNELS": variant} if variant else {}, progress=True)
        at = [(line["step"], line["seconds"]) for line in lines if "step" in line]
        times = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(at[2:], at[3:])]
        return BATCH * WINDOW / statistics.median(times), memory

    def peer(self, letter, mode, precision, variant, steps):
        output, _, _ = run(
            [sys.executable, os.path.join(self.options.peers, "lora_bench.py"), self.model(letter), mode, precision,
             "--steps", str(steps - 3), "--threads", "2"], TORCH_AVX2 if variant else {})
        result = json.loads(output.strip().splitlines()[-1])
        if not result.get("ok"):
            sys.exit(f"the peer failed: {result}")
        return result["tok_s"], result["rss_mb"]

    def products(self, kind):
        """Our products, as a process that answers shapes with rates, its variant and the registers' peak."""
        ours = Answers([os.path.join(self.options.build, "kernel-bench"), "2", kind])
        variant, peak = ours.line().split()
        return ours, variant, float(peak)

    def torch_products(self):
        return Answers([sys.executable, "-u", "-c", """
import statistics, sys, time, torch
torch.set_num_threads(2)
for line in sys.stdin:
    m, n, k = map(int, line.split())
    x, w = torch.randn(m, k).bfloat16(), torch.randn(n, k).bfloat16()
    f = lambda: torch.nn.functional.linear(x, w)
    rates, times = [], 1 + int(4e8 / (m * n * k))
    with torch.no_grad():
        f()
        for _ in range(9):
            t = time.perf_counter()
            for _ in range(times): f()
            rates.append(2e-9 * m * n * k * times / (time.perf_counter() - t))
    print(statistics.median(rates))
"""])

    def overhead(self, users=5):
        """Seconds a worker spends on a user besides the steps themselves: the second and later ones."""
        folder = self.model("a")
        with open(os.path.join(folder, "config.json")) as file:
            vocabulary = json.load(file)["vocab_size"]
        store = os.path.join(self.scratch, "store")
        worker = subprocess.Popen(
            [os.path.join(self.options.build, "train"), "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        left = []
        for user in range(users):
            tokens = os.path.join(self.scratch, f"user-{user}.safetensors")
            write_tokens(tokens, vocabulary - user, 3 * BATCH)
            # Steps are timed by the same user with more of them.
            walls = []
            for steps in (2, 6):
                request = {
                    "id": user, "store": store, "in": {"base": folder, "tokens": tokens},
                    "set": {"steps": steps, "precision": "bf16", "rank": 8, "threads": 2}}
                start = time.perf_counter()
                worker.stdin.write(json.dumps(request) + "\n")
                worker.stdin.flush()
                answer = json.loads(worker.stdout.readline())
                walls.append(time.perf_counter() - start)
                if "outputs" not in answer:
                    sys.exit(f"the worker answered {answer}")
            step = (walls[1] - walls[0]) / 4
            left.append(walls[0] - 2 * step)
        worker.stdin.close()
        worker.wait()
        return statistics.median(left[1:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--only", default="")
    parser.add_argument("--write")
    parser.add_argument("--build", default=os.path.join(ROOT, ".build/release"))
    parser.add_argument("--peers", default=os.path.join(ROOT, "../shared/tools/peers"))
    parser.add_argument("--models")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    wanted = lambda name: not only or name in only
    if not os.path.exists(os.path.join(options.peers, "lora_bench.py")):
        sys.exit(f"no lora_bench.py and make_models.py in {options.peers}: say with --peers where the peers' scripts lie")
    bench = Bench(options)
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    text = [f"Machine: {cpu}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start."]
    say = lambda line: (text.append(line), print(line, flush=True))
    print(text[0], flush=True)

    peaks = {}
    if wanted("products"):
        ours, variant, peaks["bf16"] = bench.products("bf16")
        theirs = bench.torch_products()
        say(f"\nbf16 products, {variant}; register peak {peaks['bf16']:.0f} GFLOP/s\n")
        say("| model | rows × in × out | plm GFLOP/s | of peak | torch | ratio |\n|---|---|--:|--:|--:|--:|")
        for model, shapes in LAYERS.items():
            for n, k in shapes:
                # The largest head is run on fewer rows: its results would not fit a small machine.
                m = 256 if n > 100_000 else 1024
                pairs = [(ours.ask(m, n, k), theirs.ask(m, n, k)) for _ in range(max(5, options.rounds))]
                mine, peer = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
                ratio = statistics.median(a / b for a, b in pairs)
                say(f"| {model} | {m} × {k} × {n} | {mine:.0f} | {mine / peaks['bf16']:.0%} | {peer:.0f} | {ratio:.2f} |")
        ours.close()
        theirs.close()
        exact, _, peaks["f32"] = bench.products("f32")
        exact.close()

    rows = [name for name in WORK if wanted(name)]
    if rows:
        say("\n| training, batch 4 × 256 | plm tokens/s | PyTorch + PEFT | ratio | floor | plm MB | theirs MB | ratio | "
            "GFLOP/s | of peak |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name in rows:
        letter, mode, precision, theirs, variant = WORK[name]
        mine, peer = [], []
        for _ in range(options.rounds):
            mine.append(bench.ours(letter, mode, precision, variant, options.steps))
            peer.append(bench.peer(letter, mode, theirs, variant, options.steps))
        speed, memory = (statistics.median(x[i] for x in mine) for i in (0, 1))
        their_speed, their_memory = (statistics.median(x[i] for x in peer) for i in (0, 1))
        achieved = speed * flops_per_token(letter, mode) / 1e9
        share = f"{achieved / peaks[precision]:.0%}" if precision in peaks and not variant else "–"
        least, most = FLOORS.get(name, (None, None))
        floor = " / ".join(
            ([f"{least} ×"] if least else []) + ([f"{most} × MB"] if most else [])) or "–"
        what = {"qv": "LoRA r 8 q,v", "all": "LoRA r 8 all linear", "full": "full training"}[mode]
        say(f"| {NAMES[letter]}, {what}, {precision}{', ' + variant if variant else ''} | {speed:.0f} | "
            f"{their_speed:.0f} | {speed / their_speed:.2f} | {floor} | {memory:.0f} | {their_memory:.0f} | "
            f"{memory / their_memory:.2f} | {achieved:.0f} | {share} |")
    if wanted("overhead"):
        say(f"\nPer user beyond the steps themselves (open, load, save; SmolLM2-135M, all linear, second and "
            f"later users of a worker): {bench.overhead():.2f} s (floor: under 1 s).")

    if options.write:
        with open(options.write) as file:
            page = file.read()
        table = "<!-- make bench -->\n" + "\n".join(text) + "\n<!-- end of make bench -->"
        pattern = re.compile(r"<!-- make bench -->.*<!-- end of make bench -->", re.S)
        page = pattern.sub(lambda _: table, page) if pattern.search(page) else page + "\n## Training\n\n" + table + "\n"
        with open(options.write, "w") as file:
            file.write(page)


main()
