#!/usr/bin/env python3
"""Compares a GGUF file that plm wrote with what llama.cpp makes of it.

usage: llama_cpp.py MODEL [--plm PLM] [--full F32.gguf] [--base BASE.gguf --adapter ADAPTER.gguf]

MODEL is a .gguf file or a bundle folder. Checks, each with a line of result:
- both tokenise 20 prompts to the same ids;
- both continue them greedily with the same 32 tokens (F32: all must agree; other types are reported);
- with --full: every quantised tensor has the bytes that gguf's own quantiser gives for the F32 file, and how far
  the logits lie apart;
- with --base and --adapter: the base with the adapter gives the logits of MODEL, into which it was merged.
Ends with 0 if all hold.
"""

import argparse
import json
import os
import subprocess
import sys

# This script bears the name of the module it uses.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path) != HERE]

import llama_cpp
import numpy as np


def load(path, lora=None):
    # The cache in F32 and no flash attention: llama.cpp's defaults round keys and values to 16 bits.
    return llama_cpp.Llama(
        path, n_ctx=256, logits_all=True, verbose=False, lora_path=lora, n_threads=1,
        type_k=0, type_v=0, flash_attn=False)


def logits(model, ids):
    model.reset()
    model.eval(ids)
    return np.array(model.scores[: len(ids)], dtype=np.float64)


def greedy(model, ids, count, stop):
    """The likeliest tokens one after the other, and how far the second likeliest lay behind each."""
    model.reset()
    model.eval(ids)
    made, gaps = [], []
    while len(made) < count:
        scores = np.array(model.scores[model.n_tokens - 1])
        first, second = np.sort(scores)[::-1][:2]
        token = int(scores.argmax())
        gaps.append(float(first - second))
        if token in stop:
            break
        made.append(token)
        model.eval([token])
    return made, gaps


def types(path):
    from gguf import GGUFReader

    return {tensor.name: tensor for tensor in GGUFReader(path).tensors}


def compare_text(args, prompts):
    model = load(args.model)
    is_f32 = all(t.tensor_type.name == "F32" for t in types(args.model).values())
    stop = {model.token_eos(), model.token_bos()}
    tokens_agree = runs_agree = 0
    for prompt in prompts:
        out = subprocess.run(
            [args.plm, "run", "--model", args.model, prompt, "--tokens", str(args.tokens),
             "--temperature", "0", "--json"], check=True, capture_output=True, text=True)
        ours = json.loads(out.stdout)
        ids = ours["prompt_ids"]
        theirs = model.tokenize(prompt.encode(), add_bos=True, special=False)
        if ids[1:] == [t for t in theirs if t not in stop]:
            tokens_agree += 1
        else:
            print(f"  ids differ for {prompt!r}: {ids} and {theirs}")
        made, gaps = greedy(model, ids, args.tokens, stop)
        made_by_us = [t for t in ours["ids"] if t not in stop]
        if made == made_by_us:
            runs_agree += 1
        else:
            at = next((i for i, (a, b) in enumerate(zip(made, made_by_us)) if a != b),
                      min(len(made), len(made_by_us)))
            print(f"  {prompt!r}: token {at} differs; the two likeliest lie "
                  f"{gaps[min(at, len(gaps) - 1)]:.2e} apart")
    print(f"prompts tokenised alike: {tokens_agree} of {len(prompts)}")
    print(f"greedy continuations alike: {runs_agree} of {len(prompts)}"
          + ("" if is_f32 else " (not F32: llama.cpp also rounds activations)"))
    return tokens_agree == len(prompts) and (runs_agree == len(prompts) or not is_f32)


def compare_full(args, prompts):
    from gguf import quants

    full, small = types(args.full), types(args.model)
    different = []
    for name, tensor in small.items():
        kind = tensor.tensor_type
        if kind.name == "F32":
            expected = np.array(full[name].data)
        else:
            expected = quants.quantize(np.array(full[name].data, dtype=np.float32), kind)
        same = np.array_equal(
            np.asarray(expected).reshape(-1).view(np.uint8), np.array(tensor.data).reshape(-1).view(np.uint8))
        if not same:
            different.append(name)
    print(f"tensors as gguf's own quantiser makes them: {len(small) - len(different)} of {len(small)}")
    a, b = load(args.full), load(args.model)
    errors, spread = [], []
    for prompt in prompts:
        ids = a.tokenize(prompt.encode(), add_bos=True, special=False)
        exact = logits(a, ids)
        errors.append(logits(b, ids) - exact)
        spread.append(exact)
    error = np.concatenate(errors)
    print(f"logits: root mean square error {np.sqrt((error ** 2).mean()):.4f}, largest "
          f"{np.abs(error).max():.4f}, against a spread of {np.concatenate(spread).std():.3f}")
    return not different


def compare_adapter(args, prompts):
    merged, adapted = load(args.model), load(args.base, args.adapter)
    largest = 0.0
    for prompt in prompts:
        ids = merged.tokenize(prompt.encode(), add_bos=True, special=False)
        largest = max(largest, float(np.abs(logits(merged, ids) - logits(adapted, ids)).max()))
    print(f"adapter over the base and merged model: logits at most {largest:.2e} apart")
    return largest < 1e-2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--plm", help="path of plm; without it no continuations are compared")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--full", help="the same model in F32")
    parser.add_argument("--base", help="the base in F32, without adapter")
    parser.add_argument("--adapter", help="adapter.gguf")
    args = parser.parse_args()
    if os.path.isdir(args.model):
        args.model = os.path.join(args.model, "model.gguf")
    with open(os.path.join(HERE, "prompts.txt")) as file:
        prompts = file.read().splitlines()
    good = True
    if args.plm:
        good &= compare_text(args, prompts)
    if args.full:
        good &= compare_full(args, prompts)
    if args.base and args.adapter:
        good &= compare_adapter(args, prompts)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
