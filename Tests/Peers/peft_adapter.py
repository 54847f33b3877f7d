#!/usr/bin/env python3
"""Loads an adapter that plm trained into PEFT and compares logits.

usage: peft_adapter.py [--build .build/release] [--base FOLDER]

Trains rank 8 on all linear layers for 20 steps on a reference base (plain, with rank_stabilised, with dora, with both),
loads the result with PeftModel.from_pretrained, and compares PEFT's logits in f32 with those of
`evaluate --set keep_logits=true`. Then loads a DoRA adapter that PEFT made into plm, and compares again. Ends with 0 if
they lie within 2e-5.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

# A script beside this one is called like a package that these need.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
import torch  # noqa: E402
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
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

def open_base():
    return AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32)


def compare(what, folder):
    """How far plm's logits of an adapter lie from PEFT's."""
    outputs = stage("evaluate", {"base": options.base, "tokens": tokens, "adapter": folder}, ["keep_logits=true"])
    logits_file = folder + ".safetensors"
    with open(logits_file, "wb") as file:
        subprocess.run(
            [os.path.join(options.build, "plm"), "cat", outputs["logits"], "--store", store], stdout=file, check=True)
    ours = next(iter(load_file(logits_file).values())).float()
    model = open_base()
    with torch.no_grad():
        plain = model(input_ids=ids.long()).logits
        adapted = PeftModel.from_pretrained(model, folder)(input_ids=ids.long()).logits
    apart = (adapted.reshape(ours.shape) - ours).abs().max().item()
    print(f"{what}: PEFT and plm at most {apart:.2e} apart; "
          f"the adapter moves logits by up to {(adapted - plain).abs().max().item():.2f}")
    return apart


apart = []
for settings in ([], ["rank_stabilised=true"], ["dora=true"], ["rank_stabilised=true", "dora=true"]):
    adapter = stage(
        "train", {"base": options.base, "tokens": tokens},
        ["steps=20", "rank=8", "learning_rate=0.01"] + settings)["adapter"]
    name = " ".join(setting.split("=")[0] for setting in settings) or "plain"
    folder = os.path.join(scratch, "adapter-" + name.replace(" ", "-"))
    copy_out(adapter, folder)
    apart.append(compare(name, folder))

# The other way round.
torch.manual_seed(4)
made = get_peft_model(open_base(), LoraConfig(
    r=4, lora_alpha=8, target_modules=["q_proj", "o_proj", "down_proj"], task_type="CAUSAL_LM", use_dora=True))
for name, parameter in made.named_parameters():
    if "lora_B" in name:
        parameter.data.copy_(0.05 * torch.randn_like(parameter))
    elif "magnitude" in name:
        parameter.data.mul_(1 + 0.2 * torch.randn_like(parameter))
folder = os.path.join(scratch, "adapter-of-peft")
made.save_pretrained(folder)
apart.append(compare("dora of PEFT's own", folder))
sys.exit(0 if max(apart) < 2e-5 else 1)
