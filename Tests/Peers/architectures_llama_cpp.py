#!/usr/bin/env python3
"""Says whether llama.cpp computes of plm's GGUF files what transformers computes of the models they were made from.

usage: architectures_llama_cpp.py --bin .build/release [FOLDER]

Exports every case of FOLDER (Tests/Fixtures/architectures) with the stage quantize as F32, and compares the logits of
its longest row. What quantize refuses is listed with its words. Ends with 0 if all that was written agrees.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

# A script beside this one bears the name of the module.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path) != HERE]

import numpy as np
from llama_cpp import llama_cpp
from safetensors.numpy import load_file


@llama_cpp.llama_log_callback
def errors_only(level, text, _):
    if level >= 4:
        sys.stderr.write(text.decode(errors="replace"))


def export(binaries, model, folder):
    """Writes model.gguf; gives the words of a refusal instead."""
    run = subprocess.run([f"{binaries}/quantize", "--store", f"{folder}/store", "--in", f"base={model}", "--set",
                          "type=F32"], capture_output=True, text=True)
    if run.returncode != 0:
        return run.stderr.strip().splitlines()[-1]
    digest = json.loads(run.stdout.splitlines()[-1])["outputs"]["model"]
    with open(f"{folder}/model.gguf", "wb") as file:
        subprocess.run([f"{binaries}/plm", "cat", f"{digest}/model.gguf", "--store", f"{folder}/store"], check=True,
                       stdout=file)
    return None


def logits(path, ids):
    model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
    assert model, "llama.cpp does not load it"
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = settings.n_batch = settings.n_ubatch = 128
    settings.n_threads, settings.flash_attn_type = 1, 0
    settings.type_k = settings.type_v = 0  # F32: the default rounds keys and values to 16 bits
    context = llama_cpp.llama_init_from_model(model, settings)
    batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for at, token in enumerate(ids):
        batch.token[at], batch.pos[at], batch.n_seq_id[at], batch.logits[at] = token, at, 1, 1
        batch.seq_id[at][0] = 0
    assert llama_cpp.llama_decode(context, batch) == 0
    width = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    return np.array([np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, at), shape=(width,)).copy()
                     for at in range(len(ids))])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", default=os.path.join(HERE, "../Fixtures/architectures"))
    parser.add_argument("--bin", required=True, help="where quantize and plm are")
    args = parser.parse_args()
    llama_cpp.llama_log_set(errors_only, None)
    good = True
    for case in sorted(os.listdir(args.folder)):
        if not os.path.isdir(f"{args.folder}/{case}/model"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            refusal = export(args.bin, f"{args.folder}/{case}/model", folder)
            if refusal:
                print(f"{case}: {refusal}")
                continue
            forward = load_file(f"{args.folder}/{case}/forward.safetensors")
            found = logits(f"{folder}/model.gguf", forward["input_ids"][0].tolist())
        apart = np.abs(found - forward["logits"][0]).max()
        good &= bool(apart < 5e-5)
        print(f"{case}: logits at most {apart:.1e} apart")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
