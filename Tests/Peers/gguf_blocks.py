#!/usr/bin/env python3
"""Makes Tests/Fixtures/gguf/blocks.safetensors: what gguf's own reader and quantiser make of blocks.

usage: gguf_blocks.py FILE

For every block type T that plm reads: T.bytes, blocks drawn at random (their scales small and finite), and T.values,
what gguf dequantises them to. Q8_0.source are numbers that gguf quantises to Q8_0.quantised.
"""

import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants
from safetensors.numpy import save_file

# Where the 16-bit scales of a block lie.
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}


def main():
    random = np.random.default_rng(1)
    tensors = {}
    for name, places in SCALES.items():
        kind = GGMLQuantizationType[name]
        count, size = GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (512 // count, size), dtype=np.uint8)
        for place in places:
            scales = (random.standard_normal(len(blocks)) * 0.01).astype(np.float16)
            blocks[:, place:place + 2] = scales.view(np.uint8).reshape(-1, 2)
        tensors[f"{name}.bytes"] = blocks.reshape(-1)
        tensors[f"{name}.values"] = quants.dequantize(blocks, kind).astype(np.float32).reshape(-1)
    source = (random.standard_normal(512) * 0.05).astype(np.float32)
    source[:32], source[40] = 0, 3
    tensors["Q8_0.source"] = source
    tensors["Q8_0.quantised"] = quants.quantize(source, GGMLQuantizationType.Q8_0).reshape(-1).view(np.uint8)
    save_file(tensors, sys.argv[1])


if __name__ == "__main__":
    main()
