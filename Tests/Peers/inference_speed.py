#!/usr/bin/env python3
"""Compares the speed of reading and writing with llama.cpp's, on the same files, in turns.

usage: inference_speed.py --bin .build/release [--threads 2] [--rounds 3] FILE.gguf …

For each file and round, first plm (`plm bench`), then llama.cpp (through llama_cpp's C interface: what llama-bench does)
read a prompt of 512 tokens and write 128 from nothing, each in a process of its own: once before it counts, then three
times. Prints the medians over rounds in tokens a second, the ratios plm : llama.cpp, and the peak memory of both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path) != HERE]
PROMPT, GENERATED, REPEATS = 512, 128, 3


def theirs(path, threads):
    """In a process of its own: tokens a second that llama.cpp reads and writes, and what memory it needs."""
    import ctypes
    import random
    import resource
    from llama_cpp import llama_cpp as lib

    @lib.llama_log_callback
    def quiet(level, text, _):
        if level >= 4:
            sys.stderr.write(text.decode(errors="replace"))

    lib.llama_log_set(quiet, ctypes.c_void_p(0))
    lib.llama_backend_init()
    started = time.monotonic()
    parameters = lib.llama_model_default_params()
    parameters.n_gpu_layers = 0
    model = lib.llama_model_load_from_file(path.encode(), parameters)
    settings = lib.llama_context_default_params()
    settings.n_ctx = PROMPT + 64
    settings.n_batch = 2048
    settings.n_ubatch = 512
    settings.n_threads = settings.n_threads_batch = threads
    context = lib.llama_init_from_model(model, settings)
    vocabulary = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    draw = random.Random(1)

    def decode(count):
        ids = (ctypes.c_int32 * count)(*[draw.randrange(vocabulary) for _ in range(count)])
        if lib.llama_decode(context, lib.llama_batch_get_one(ids, count)) != 0:
            sys.exit("llama_decode failed")
        lib.llama_synchronize(context)

    def clear():
        lib.llama_memory_clear(lib.llama_get_memory(context), True)

    decode(1)
    lib.llama_get_logits_ith(context, -1)
    first = time.monotonic() - started
    reading, writing = [], []
    for round in range(REPEATS + 1):
        clear()
        start = time.monotonic()
        decode(PROMPT)
        read = time.monotonic() - start
        clear()
        start = time.monotonic()
        for _ in range(GENERATED):
            decode(1)
        wrote = time.monotonic() - start
        if round:
            reading.append(PROMPT / read)
            writing.append(GENERATED / wrote)
    print(json.dumps({
        "prompt_tokens_per_second": statistics.median(reading),
        "generated_tokens_per_second": statistics.median(writing),
        "first_token_seconds": first,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--bin")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--theirs", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.theirs:
        return theirs(args.files[0], args.threads)
    print("| file | reads 512: plm | llama.cpp | ratio | writes 128: plm | llama.cpp | ratio "
          "| first token ms: plm | llama.cpp | peak MB: plm | llama.cpp |")
    print("|---|" + "---:|" * 10)
    for path in args.files:
        ours, peer = [], []
        for _ in range(args.rounds):
            ours.append(run([f"{args.bin}/plm", "bench", path, "--json", "--threads", str(args.threads), "--prompt",
                             str(PROMPT), "--generated", str(GENERATED), "--rounds", str(REPEATS)]))
            peer.append(run([sys.executable, __file__, "--theirs", "--threads", str(args.threads), path]))

        def middle(reports, key):
            return statistics.median(report[key] for report in reports)

        cells = [os.path.basename(path)]
        for key in ("prompt_tokens_per_second", "generated_tokens_per_second"):
            a, b = middle(ours, key), middle(peer, key)
            cells += [f"{a:.0f}", f"{b:.0f}", f"**{a / b:.2f}**"]
        for key, scale in (("first_token_seconds", 1000), ("peak_megabytes", 1)):
            cells += [f"{middle(ours, key) * scale:.0f}", f"{middle(peer, key) * scale:.0f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
