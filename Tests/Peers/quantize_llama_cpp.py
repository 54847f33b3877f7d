#!/usr/bin/env python3
"""Compares plm's quantised files with those of llama.cpp's quantiser, by perplexity in llama.cpp.

usage: quantize_llama_cpp.py BASE TEXT --bin .build/release [--types Q8_0,…] [--windows N] [--threads N]

BASE is a model folder or file that plm reads, TEXT a text file. Writes BASE as F32 GGUF with the stage quantize, and
in each type with the stage and with llama_model_quantize (what llama-quantize calls). Measures perplexity over windows
of 512 tokens whose second half is scored, as llama-perplexity does. Checks, each with a line of result:
- plm and llama.cpp agree on the perplexity of the F32 file within 0.5 %;
- for each type, plm's file is at most 0.5 % worse in llama.cpp than llama.cpp's own of the same type (where all tensors
  have the same bytes there is nothing to measure);
- for each type, both files have the same tensors in the same types.
Also printed: seconds that writing took each (whole processes; plm's without and llama.cpp's with loading llama.cpp).
Ends with 0 if all hold.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time

# A script beside this one bears the name of the module.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path) != HERE]

import numpy as np
from gguf import GGUFReader
from llama_cpp import llama_cpp

CONTEXT = 512
FILE_TYPES = {"Q4_0": 2, "Q8_0": 7, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18, "F16": 1, "BF16": 32}


@llama_cpp.llama_log_callback
def errors_only(level, text, _):
    if level >= 4:
        sys.stderr.write(text.decode(errors="replace"))


def quantize_ours(args, kind, folder, base):
    settings = ["--set", f"type={kind}"] + [word for pair in args.set for word in ("--set", pair)]
    inputs = ["--in", f"base={base}"] + [word for pair in args.input for word in ("--in", pair)]
    start = time.monotonic()
    # As plm build runs it, with a descriptor for its progress: by hand it ends with a sync of the whole file system, which
    # plm build does for many actions together and llama.cpp not at all.
    run = subprocess.run(["sh", "-c", 'exec "$@" 3>/dev/null', "sh", f"{args.bin}/quantize", "--store", f"{folder}/store",
                          *inputs, *settings], capture_output=True, text=True)
    seconds = time.monotonic() - start
    if run.returncode != 0:
        sys.exit(f"quantize failed: {run.stderr.strip().splitlines()[-1]}")
    digest = json.loads(run.stdout.splitlines()[-1])["outputs"]["model"]
    path = f"{folder}/ours-{kind}.gguf"
    with open(path, "wb") as file:
        subprocess.run([f"{args.bin}/plm", "cat", f"{digest}/model.gguf", "--store", f"{folder}/store"], check=True,
                       stdout=file)
    return path, seconds, digest


def quantize_theirs(args, kind, folder, full):
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype, settings.nthread = FILE_TYPES[kind], args.threads
    path = f"{folder}/theirs-{kind}.gguf"
    start = time.monotonic()
    assert llama_cpp.llama_model_quantize(full.encode(), path.encode(), ctypes.byref(settings)) == 0
    return path, time.monotonic() - start


def perplexity(args, path, text):
    model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
    assert model, "llama.cpp does not load it"
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = settings.n_batch = settings.n_ubatch = CONTEXT
    settings.n_threads = settings.n_threads_batch = args.threads
    settings.flash_attn_type, settings.type_k, settings.type_v = 0, 0, 0
    context = llama_cpp.llama_init_from_model(model, settings)
    vocabulary = llama_cpp.llama_model_get_vocab(model)
    adds_start = llama_cpp.llama_vocab_get_add_bos(vocabulary)
    ids = (ctypes.c_int32 * (len(text) + 16))()
    count = llama_cpp.llama_tokenize(vocabulary, text, len(text), ids, len(ids), adds_start, False)
    assert count > 0
    width = llama_cpp.llama_vocab_n_tokens(vocabulary)
    batch = llama_cpp.llama_batch_init(CONTEXT, 0, 1)
    nats = tokens = 0
    for window in range(min(args.windows or count // CONTEXT, count // CONTEXT)):
        piece = list(ids[window * CONTEXT:(window + 1) * CONTEXT])
        if adds_start:
            piece[0] = llama_cpp.llama_vocab_bos(vocabulary)
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        batch.n_tokens = CONTEXT
        for at, token in enumerate(piece):
            batch.token[at], batch.pos[at], batch.n_seq_id[at], batch.logits[at] = token, at, 1, at >= CONTEXT // 2
            batch.seq_id[at][0] = 0
        assert llama_cpp.llama_decode(context, batch) == 0
        for at in range(CONTEXT // 2, CONTEXT - 1):
            row = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, at), shape=(width,)).astype(np.float64)
            top = row.max()
            nats += top + np.log(np.exp(row - top).sum()) - row[piece[at + 1]]
            tokens += 1
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return float(np.exp(nats / tokens))


def types(path):
    return {tensor.name: tensor.tensor_type.name for tensor in GGUFReader(path).tensors}


def same_bytes(a, b):
    others = {tensor.name: tensor.data for tensor in GGUFReader(b).tensors}
    return all(np.array_equal(tensor.data.view(np.uint8), others[tensor.name].view(np.uint8))
               for tensor in GGUFReader(a).tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("text")
    parser.add_argument("--bin", required=True, help="where quantize and plm are")
    parser.add_argument("--types", default=",".join(FILE_TYPES))
    parser.add_argument("--windows", type=int, default=0, help="windows measured at most; 0 for all")
    parser.add_argument("--threads", type=int, default=2, help="of llama.cpp")
    parser.add_argument("--set", action="append", default=[], help="more settings of quantize: NAME=VALUE")
    parser.add_argument("--input", action="append", default=[], help="more inputs of quantize: NAME=PATH")
    parser.add_argument("--only-times", action="store_true", help="measures no perplexity")
    args = parser.parse_args()
    llama_cpp.llama_log_set(errors_only, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    good = True
    with open(args.text, "rb") as file:
        text = file.read()
    with tempfile.TemporaryDirectory() as folder:
        full, _, digest = quantize_ours(args, "F32", folder, args.base)
        if not args.only_times:
            ours = json.loads(subprocess.run(
                [f"{args.bin}/plm", "perplexity", full, args.text, "--json", "--windows", str(args.windows)],
                check=True, capture_output=True, text=True).stdout)["perplexity"]
            theirs = perplexity(args, full, text)
            print(f"F32: perplexity {ours:.4f} in plm, {theirs:.4f} in llama.cpp, {100 * (ours / theirs - 1):+.3f} %",
                  flush=True)
            good &= abs(ours / theirs - 1) <= 0.005
        for kind in args.types.split(","):
            mine, my_seconds, _ = quantize_ours(args, kind, folder, digest)
            other, their_seconds = quantize_theirs(args, kind, folder, full)
            same = types(mine) == types(other)
            line = f"{kind}: tensor types {'alike' if same else 'NOT ALIKE'}"
            if not same:
                line += str([(n, t, types(other).get(n)) for n, t in types(mine).items() if types(other).get(n) != t][:4])
            if same and same_bytes(mine, other):
                line += ", bytes alike"
            elif not args.only_times:
                ours, theirs = perplexity(args, mine, text), perplexity(args, other, text)
                line += f", perplexity {ours:.4f}, llama.cpp's {theirs:.4f}, {100 * (ours / theirs - 1):+.3f} %"
                good &= ours <= 1.005 * theirs
            good &= same or bool(args.set)
            print(f"{line}, {os.path.getsize(mine) / 1e6:.1f} MB, written in {my_seconds:.2f} s and "
                  f"{their_seconds:.2f} s", flush=True)
            os.remove(mine)
            os.remove(other)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
