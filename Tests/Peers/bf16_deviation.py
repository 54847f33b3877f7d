#!/usr/bin/env python3
"""Prints how far PyTorch in bf16 lies from PyTorch in f32 on the reference cases.

usage: bf16_deviation.py FIXTURES     (the folder Tests/Fixtures/reference or architectures)

Per case: root mean square of the differences of the logits and of the loss at each position (with the adapter), and
the relative L2 distance of all LoRA gradients (base in bf16, adapter in f32, as PEFT does by default). ModelsTests/PrecisionTests.swift holds plm's
bf16 to these figures.
"""

import os
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def passes(folder, batch, dtype):
    model = AutoModelForCausalLM.from_pretrained(folder + "/model", dtype=dtype)
    model.config.use_cache = False
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        logits = model(**inputs).logits.float()
    adapted = PeftModel.from_pretrained(model, folder + "/adapter_init", is_trainable=True)
    adapted.train()
    result = adapted(**inputs, labels=batch["labels"])
    result.loss.backward()
    gradients = {n: p.grad.float() for n, p in adapted.named_parameters() if p.grad is not None}
    wanted = batch["labels"][:, 1:].reshape(-1)
    losses = torch.nn.functional.cross_entropy(
        result.logits[:, :-1].float().reshape(len(wanted), -1), wanted, reduction="none")
    return logits, losses[wanted >= 0].detach(), gradients


for case in sorted(os.listdir(sys.argv[1])):
    if not os.path.isdir(f"{sys.argv[1]}/{case}/model"):
        continue
    folder = f"{sys.argv[1]}/{case}"
    batch = load_file(folder + "/forward.safetensors")
    exact, exact_losses, exact_gradients = passes(folder, batch, torch.float32)
    rounded, rounded_losses, gradients = passes(folder, batch, torch.bfloat16)
    apart = (exact - rounded)[batch["attention_mask"].bool()]
    squares = sum(((exact_gradients[n] - gradients[n]) ** 2).sum().item() for n in gradients)
    whole = sum((exact_gradients[n] ** 2).sum().item() for n in gradients)
    print(
        case, f"logits {apart.pow(2).mean().sqrt().item():.5f}",
        f"losses {(exact_losses - rounded_losses).pow(2).mean().sqrt().item():.5f}", f"gradients {(squares / whole) ** 0.5:.5f}")
