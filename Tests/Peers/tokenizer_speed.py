#!/usr/bin/env python3
"""Measures encoding of plm beside tiktoken and Hugging Face's tokenizers, one thread each, in turn.

usage: tokenizer_speed.py --plm PLM --data DATA [--rounds N] [--write BENCHMARKS.md]

DATA is the folder that holds tokenizers and corpus. 10 MB of English books, in memory, tokenizers
loaded; tiktoken and Hugging Face's encode_batch_fast get documents of 4 kB, which suits them best,
plm and tiktoken also the whole text at once. Each round runs all of them; medians are told.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
import tiktoken  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
DIGITS = r"\p{N}|'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?[^\s\p{L}\p{N}]++|\s+(?=\p{N})|\s++$|\s+(?!\S)|\s"
QWEN2 = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"


def alphabet():
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def ranks(folder):
    """The vocabulary as tiktoken takes it: ids by bytes, in the order of merging."""
    with open(os.path.join(folder, "vocab.json"), encoding="utf-8") as file:
        vocab = json.load(file)
    letters = alphabet()
    return {bytes(letters[c] for c in piece): rank for piece, rank in vocab.items() if all(c in letters for c in piece) and not piece.startswith("<|")}


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--plm", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=10_000_000)
    args = parser.parse_args()
    with gzip.open(os.path.join(args.data, "corpus/books.txt.gz"), "rt", encoding="utf-8", errors="replace") as file:
        text = file.read(args.size)
    raw = text.encode()
    size = len(raw) / 1e6
    docs = [text[at : at + 4000] for at in range(0, len(text), 4000)]
    print(f"{size:.2f} MB, load {os.getloadavg()[0]:.1f}")
    print("| vocabulary | plm MB/s | tiktoken, whole | tiktoken, 4 kB | HF encode_batch_fast | plm / tiktoken's best | plm / HF |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, pattern in (("gpt2", GPT2), ("qwen2", QWEN2), ("smollm2", DIGITS)):
        folder = os.path.join(args.data, "tokenizers", name)
        tokens = ranks(folder)
        # tiktoken wants a rank for every byte; SmolLM2 lacks some that no text here has.
        for byte in range(256):
            tokens.setdefault(bytes([byte]), 1_000_000 + byte)
        encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=tokens, special_tokens={})
        if os.path.exists(os.path.join(folder, "tokenizer.json")):
            peer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        else:
            from transformers import AutoTokenizer

            peer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
        peer.no_truncation()
        peer.no_padding()
        seconds = {"plm": [], "whole": [], "docs": [], "hf": []}
        counts = {}
        peer.encode_batch_fast(docs[:50], add_special_tokens=False)
        for _ in range(args.rounds):
            out = subprocess.run([args.plm, "tokens", "--base", folder, "--time", "1"], input=raw, check=True, capture_output=True).stdout.split()
            counts["plm"] = int(out[0])
            seconds["plm"].append(float(out[1]))
            took, ids = timed(lambda: encoding.encode_ordinary(text))
            counts["tiktoken"] = len(ids)
            seconds["whole"].append(took)
            took, _ = timed(lambda: [encoding.encode_ordinary(doc) for doc in docs])
            seconds["docs"].append(took)
            took, _ = timed(lambda: peer.encode_batch_fast(docs, add_special_tokens=False))
            seconds["hf"].append(took)
        speed = {key: size / statistics.median(values) for key, values in seconds.items()}
        best = max(speed["whole"], speed["docs"])
        print(
            f"| {name} | {speed['plm']:.1f} | {speed['whole']:.1f} | {speed['docs']:.1f} | {speed['hf']:.2f} "
            f"| {speed['plm'] / best:.2f} | {speed['plm'] / speed['hf']:.1f} |")
        if counts["plm"] != counts["tiktoken"]:
            print(f"(plm gives {counts['plm']} ids, tiktoken {counts['tiktoken']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
