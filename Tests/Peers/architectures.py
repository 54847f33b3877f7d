#!/usr/bin/env python3
"""Makes the reference cases under Tests/Fixtures/architectures with transformers and PEFT.

usage: architectures.py FOLDER

Every model is tiny, random and computed in f32 on one thread by transformers' own classes: what is written is what
they compute. The same seeds give the same files with the same versions of torch, transformers and peft.
"""

import itertools
import json
import os
import sys
import tempfile

# A script beside this one is called like a package that these need.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import (AutoConfig, LlamaConfig, LlamaForCausalLM, MistralConfig,  # noqa: E402
                          MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

VOCABULARY, WIDTH, LENGTHS = 96, 40, (40, 29, 17)
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 16}

# Each case is there for what its name says; together they have every combination that plm reads.
CASES = {
    "llama-untied-mha": (LlamaConfig, LlamaForCausalLM, {
        "num_key_value_heads": 4, "tie_word_embeddings": False, "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}),
    "llama-tied-gqa-odd-heads": (LlamaConfig, LlamaForCausalLM, {
        "num_attention_heads": 3, "num_key_value_heads": 1, "tie_word_embeddings": True, "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0}}),
    "llama-all-biases": (LlamaConfig, LlamaForCausalLM, {
        "num_key_value_heads": 2, "tie_word_embeddings": False, "attention_bias": True, "mlp_bias": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}),
    "llama-llama3-scaling": (LlamaConfig, LlamaForCausalLM, {
        "head_dim": 16, "num_attention_heads": 3, "num_key_value_heads": 1, "tie_word_embeddings": True,
        "rms_norm_eps": 1e-5, "rope_parameters": LLAMA3}),
    "llama-linear-scaling": (LlamaConfig, LlamaForCausalLM, {
        "num_key_value_heads": 1, "tie_word_embeddings": False,
        "rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}}),
    "mistral-head-dim": (MistralConfig, MistralForCausalLM, {
        "head_dim": 20, "num_key_value_heads": 2, "tie_word_embeddings": False, "sliding_window": None,
        "rms_norm_eps": 1e-5, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}),
    "qwen2-untied": (Qwen2Config, Qwen2ForCausalLM, {
        "num_key_value_heads": 2, "tie_word_embeddings": False, "use_sliding_window": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}),
    "qwen3-tied": (Qwen3Config, Qwen3ForCausalLM, {
        "head_dim": 16, "num_key_value_heads": 2, "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}),
    "qwen3-untied-mqa-bias-linear": (Qwen3Config, Qwen3ForCausalLM, {
        "head_dim": 24, "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": False,
        "attention_bias": True, "rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}}),
}

# Frequencies alone, of real sizes; and what an older config looks like.
FREQUENCIES = {
    "llama-2": {"head_dim": 128, "rope_theta": 10000.0},
    "llama-3.1-8b": {"head_dim": 128, "max_position_embeddings": 131072, "rope_theta": 500000.0, "rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192}},
    "llama-3.2-1b": {"head_dim": 64, "max_position_embeddings": 131072, "rope_theta": 500000.0, "rope_scaling": {
        "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192}},
    "llama3-other-factors": {"head_dim": 80, "max_position_embeddings": 4096, "rope_parameters": {
        "rope_type": "llama3", "rope_theta": 20000.0, "factor": 3.7, "low_freq_factor": 1.5, "high_freq_factor": 6.25,
        "original_max_position_embeddings": 1000}},
    "linear-old-type": {"head_dim": 96, "rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 2.7}},
    "smollm2": {"head_dim": 64, "rope_theta": 100000.0},
}


def config_of(kind, fields):
    return kind(**({"vocab_size": VOCABULARY, "hidden_size": 48, "intermediate_size": 44, "num_hidden_layers": 2,
                    "num_attention_heads": 4, "max_position_embeddings": 128, "initializer_range": 0.15,
                    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "attention_dropout": 0.0,
                    "use_cache": True} | fields))


def randomise(model):
    """Weights that bf16 holds exactly, so that files are small; norms and biases away from 1 and 0."""
    for name, parameter in model.named_parameters():
        values = torch.randn_like(parameter)
        if name.endswith("norm.weight"):
            values = 1 + 0.2 * values
        elif name.endswith(".bias"):
            values = 0.2 * values
        else:
            values = 0.15 * values
        parameter.data.copy_(values.bfloat16().float())


def batch():
    ids = torch.randint(3, VOCABULARY, (len(LENGTHS), WIDTH))
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, -100)
    for row, length in enumerate(LENGTHS):
        ids[row, length:] = 0
        mask[row, :length] = 1
        labels[row, 4 * row:length] = ids[row, 4 * row:length]
    return ids, mask, labels


def greedy(model, prompt, count):
    """The likeliest tokens; None if one is so by a hair: another order of sums must choose the same."""
    ids, smallest = prompt.clone(), float("inf")
    for _ in range(count):
        scores = model(input_ids=ids).logits[0, -1]
        first, second = scores.topk(2).values
        smallest = min(smallest, float(first - second))
        ids = torch.cat([ids, scores.argmax().view(1, 1)], dim=1)
    return ids if smallest > 1e-2 else None


def without_scaling(kind, base, config, model, ids, mask):
    """How far the logits lie from those without the scaling: it must matter."""
    plain = kind.from_dict(config.to_dict())
    plain.rope_parameters = {"rope_type": "default", "rope_theta": config.rope_parameters["rope_theta"]}
    other = base(plain).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        return float((other(input_ids=ids, attention_mask=mask).logits
                      - model(input_ids=ids, attention_mask=mask).logits)[0].abs().max())


def draw(base, config):
    """The first of the random models and batches that continues its prompt with clear choices."""
    for seed in itertools.count(1):
        torch.manual_seed(seed)
        model = base._from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
        randomise(model)
        ids, mask, labels = batch()
        with torch.no_grad():
            chosen = greedy(model, ids[:1, :8], 16)
        if chosen is not None:
            return model, ids, mask, labels, chosen


def make(folder, name):
    kind, base, fields = CASES[name]
    config = config_of(kind, fields)
    model, ids, mask, labels, chosen = draw(base, config)
    if config.rope_parameters["rope_type"] != "default":
        moved = without_scaling(kind, base, config, model, ids, mask)
        assert moved > 0.1, f"the scaling moves logits by {moved} only"

    os.makedirs(f"{folder}/{name}/model")
    config.architectures = [base.__name__]
    config.save_pretrained(f"{folder}/{name}/model")
    weights = {key: value.detach().bfloat16() for key, value in model.named_parameters()}
    save_file(weights, f"{folder}/{name}/model/model.safetensors", metadata={"format": "pt"})

    def step(model):
        model.zero_grad()
        output = model(input_ids=ids, attention_mask=mask, labels=labels)
        output.loss.backward()
        return output

    output = step(model)
    save_file({
        "input_ids": ids, "attention_mask": mask, "labels": labels, "logits": output.logits.detach(),
        "loss": output.loss.detach().view(1), "n_loss_tokens": (labels[:, 1:] != -100).sum().view(1),
        "greedy_prompt8_plus16": chosen, "rope_frequencies": model.model.rotary_emb.inv_freq.clone(),
    }, f"{folder}/{name}/forward.safetensors")
    save_file({key: value.grad for key, value in model.named_parameters()}, f"{folder}/{name}/full_grads.safetensors")
    largest = {key: float(value.grad.abs().max()) for key, value in model.named_parameters()}

    adapted = get_peft_model(model, LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")).eval()
    for key, parameter in adapted.named_parameters():
        if "lora_B" in key:
            parameter.data.copy_(0.05 * torch.randn_like(parameter))
    adapted.save_pretrained(f"{folder}/{name}/adapter_init")
    os.remove(f"{folder}/{name}/adapter_init/README.md")
    # PEFT writes a set, in any order.
    rewrite(f"{folder}/{name}/adapter_init/adapter_config.json",
            lambda config: config | {"target_modules": sorted(config["target_modules"])})
    output = step(adapted)
    gradients = {key.replace(".default", ""): value.grad for key, value in adapted.named_parameters()
                 if value.requires_grad}
    save_file(gradients | {"loss": output.loss.detach().view(1)}, f"{folder}/{name}/lora_grads_step1.safetensors")
    print(f"{name}: loss {output.loss.item():.4f} with adapter, smallest largest gradient "
          f"{min(largest.values()):.1e} in {min(largest, key=largest.get)}")


def rewrite(path, change):
    with open(path) as file:
        content = change(json.load(file))
    with open(path, "w") as file:
        file.write(json.dumps(content, indent=2, sort_keys=True) + "\n")


def frequencies(folder):
    tensors, configs = {}, {}
    for name, fields in FREQUENCIES.items():
        configs[name] = {"model_type": "llama", "hidden_size": 256, "intermediate_size": 64, "num_hidden_layers": 1,
                         "num_attention_heads": 2, "vocab_size": 16} | fields
        with tempfile.TemporaryDirectory() as place:
            with open(f"{place}/config.json", "w") as file:
                json.dump(configs[name], file)
            read = AutoConfig.from_pretrained(place)
        tensors[name] = LlamaForCausalLM(read).model.rotary_emb.inv_freq.clone()
    save_file(tensors, f"{folder}/frequencies.safetensors")
    with open(f"{folder}/frequencies.json", "w") as file:
        file.write(json.dumps(configs, indent=2, sort_keys=True) + "\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    os.makedirs(folder, exist_ok=True)
    for name in CASES:
        make(folder, name)
    frequencies(folder)


if __name__ == "__main__":
    main()
