#!/usr/bin/env python3
"""Loads an adapter that plm trained into PEFT and compares logits.

usage: peft_adapter.py [--build .build/release] [--base FOLDER]

Trains rank 8 on all linear layers for 20 steps on a reference base (with and without rank_stabilised), loads the result
with PeftModel.from_pretrained, and compares PEFT's logits in f32 with those of `evaluate --set keep_logits=true`.
Ends with 0 if they lie within 2e-5.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
parser = argparse.ArgumentParser()
parser.add_argument("--build", default=os.path.join(ROOT, ".build/release"))
parser.add_argument("--base", default=os.path.join(ROOT, "Tests/Fixtures/reference/llama-tied-gqa/model"))
options = parser.parse_args()
scratch = tempfile.mkdtemp(prefix="plm-peft-")
store = os.path.join(scratch, "store")


def stage(name, inputs, settings):
    command = [os.path.join(options.build, name), "--store", store]
    for pair in inputs.items():
        command += ["--in", "=".join(pair)]
    for setting in settings:
        command += ["--set", setting]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return json.loads(result.stdout.splitlines()[-1])["outputs"]


def copy_out(digest, folder):
    """Writes a tree of the store into a folder."""
    os.makedirs(folder)
    plm = os.path.join(options.build, "plm")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        with open(os.path.join(folder, name), "wb") as file:
            subprocess.run([plm, "cat", f"{digest}/{name}", "--store", store], stdout=file, check=True)


with open(os.path.join(options.base, "config.json")) as file:
    vocabulary = json.load(file)["vocab_size"]
ids = torch.randint(0, vocabulary, (4, 32), generator=torch.Generator().manual_seed(3), dtype=torch.int32)
tokens = os.path.join(scratch, "tokens.safetensors")
save_file(
    {"input_ids": ids.reshape(-1), "labels": ids.reshape(-1).clone(), "offsets": torch.arange(0, 129, 32)}, tokens)

worst = 0
for settings in ([], ["rank_stabilised=true"]):
    adapter = stage(
        "train", {"base": options.base, "tokens": tokens},
        ["steps=20", "rank=8", "learning_rate=0.01"] + settings)["adapter"]
    folder = os.path.join(scratch, "adapter-" + (settings or ["plain"])[0].split("=")[0])
    copy_out(adapter, folder)
    outputs = stage(
        "evaluate", {"base": options.base, "tokens": tokens, "adapter": folder}, ["keep_logits=true"])
    logits_file = os.path.join(scratch, os.path.basename(folder) + ".safetensors")
    with open(logits_file, "wb") as file:
        subprocess.run(
            [os.path.join(options.build, "plm"), "cat", outputs["logits"], "--store", store], stdout=file, check=True)
    ours = next(iter(load_file(logits_file).values())).float()

    model = AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32)
    with torch.no_grad():
        plain = model(input_ids=ids.long()).logits
        adapted = PeftModel.from_pretrained(model, folder)(input_ids=ids.long()).logits
    apart = (adapted.reshape(ours.shape) - ours).abs().max().item()
    print(f"{settings or 'plain'}: PEFT and plm at most {apart:.2e} apart; "
          f"the adapter moves logits by up to {(adapted - plain).abs().max().item():.2f}")
    worst = max(worst, apart)
sys.exit(0 if worst < 2e-5 else 1)
