#!/usr/bin/env python3
"""Adds DoRA adapters to reference cases that architectures.py made, with what PEFT computes of them.

usage: dora.py FOLDER     (Tests/Fixtures/architectures)

Magnitudes are drawn apart from the rows' lengths, so that every row is scaled; all in f32 on one thread. The same seed
gives the same files with the same versions of torch, transformers and peft.
"""

import json
import os
import sys

# A script beside this one is called like a package that these need.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

# One case with a bias on every projection, one with normed heads, tied, scaled by alpha / sqrt(rank).
CASES = {"llama-all-biases": {}, "qwen3-tied": {"use_rslora": True}}


def bare(tensors):
    """The names that the adapter's file has."""
    return {name.replace(".default.weight", "" if "magnitude" in name else ".weight"): tensor.detach().clone()
            for name, tensor in tensors}


def make(folder, more):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(f"{folder}/model", dtype=torch.float32, attn_implementation="eager")
    adapted = get_peft_model(model, LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM", use_dora=True,
        **more)).eval()
    trained = [(name, parameter) for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    for name, parameter in trained:
        if "lora_B" in name:
            parameter.data.copy_(0.05 * torch.randn_like(parameter))
        elif "magnitude" in name:
            parameter.data.mul_(1 + 0.2 * torch.randn_like(parameter))
    adapted.save_pretrained(f"{folder}/dora_init")
    os.remove(f"{folder}/dora_init/README.md")
    # PEFT writes a set, in any order, and the place where the base lay.
    with open(f"{folder}/dora_init/adapter_config.json") as file:
        config = json.load(file)
    config |= {"target_modules": sorted(config["target_modules"]), "base_model_name_or_path": None}
    with open(f"{folder}/dora_init/adapter_config.json", "w") as file:
        file.write(json.dumps(config, indent=2, sort_keys=True) + "\n")

    batch = load_file(f"{folder}/forward.safetensors")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    optimizer = torch.optim.AdamW([parameter for _, parameter in trained], lr=1e-3, weight_decay=0.01)
    losses, gradients = [], None
    for step in range(5):
        optimizer.zero_grad()
        output = adapted(**inputs)
        output.loss.backward()
        if step == 0:
            logits = output.logits.detach().clone()
            gradients = bare((name, parameter.grad) for name, parameter in trained)
        losses.append(output.loss.detach())
        optimizer.step()
    save_file(gradients | {"logits": logits, "losses": torch.stack(losses)}, f"{folder}/dora_step1.safetensors")
    save_file(bare(trained), f"{folder}/dora_weights_after5.safetensors")
    with torch.no_grad():
        plain = (logits - batch["logits"])[inputs["attention_mask"].bool()].abs().max().item()
    print(f"{os.path.basename(folder)}: losses {[round(x.item(), 4) for x in losses]}, moves logits by up to {plain:.2f}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name, more in CASES.items():
        make(f"{sys.argv[1]}/{name}", more)


if __name__ == "__main__":
    main()
