#!/usr/bin/env python3
"""Compares the ids that plm and Hugging Face's tokenizers give for files of text.

usage: tokenizers_ids.py FOLDER --plm PLM FILE...

FOLDER holds tokenizer.json. Ends with 0 if all ids are the same.
"""

import argparse
import os
import subprocess
import sys

from tokenizers import Tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--plm", required=True)
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(os.path.join(args.folder, "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # names of special tokens in a text are only words
    good = True
    for path in args.files:
        with open(path, "rb") as file:
            content = file.read()
        out = subprocess.run(
            [args.plm, "tokens", "--base", args.folder], input=content, check=True, capture_output=True)
        ours = [int(word) for word in out.stdout.split()]
        theirs = tokenizer.encode(content.decode("utf-8", errors="replace")).ids
        same = ours == theirs
        good &= same
        print(f"{path}: {len(ours)} and {len(theirs)} ids, {'the same' if same else 'DIFFERENT'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
