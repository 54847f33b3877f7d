"""Looks for texts that must not be learned in a cleaned corpus, in a way of its own.

    python3 contamination.py CORPUS.jsonl… --avoid FILE-OR-FOLDER…

plm's clean stage leaves out what shares thirteen words in a row with a text to be avoided. This
looks again by other means: (1) by digest, SHA-256 over the words of every text of five words or more and of
every paragraph of thirteen or more; (2) for near duplicates, by the share of a paragraph's eight-word
shingles that occur in any avoided text: half or more is a near duplicate. Ends with 1 if anything was
found.
"""

import argparse
import gzip
import hashlib
import json
import os
import re
import sys

WORD = re.compile(r"[^\W_]+")
SHINGLE = 8
LEAST = 5
PARAGRAPH = 13


def words(text):
    return WORD.findall(text.lower())


def opened(path):
    return gzip.open(path, "rt", encoding="utf-8", errors="replace") if path.endswith(
        ".gz") else open(path, encoding="utf-8", errors="replace")


def strings(node):
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for element in node:
            yield from strings(element)
    elif isinstance(node, dict):
        for value in node.values():
            yield from strings(value)


def texts(path):
    name = path.removesuffix(".gz")
    with opened(path) as file:
        if name.endswith(".jsonl"):
            for line in file:
                yield from strings(json.loads(line))
        elif name.endswith(".json"):
            yield from strings(json.load(file))
        else:
            yield from re.split(r"\n\s*\n", file.read())


def files(path):
    if os.path.isfile(path):
        return [path]
    return sorted(
        os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


def digest(some):
    return hashlib.sha256(" ".join(some).encode()).digest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", nargs="+")
    parser.add_argument("--avoid", nargs="+", required=True)
    options = parser.parse_args()

    digests, shingles, count = set(), set(), 0
    for root in options.avoid:
        for path in files(root):
            for text in texts(path):
                some = words(text)
                if len(some) < LEAST:
                    continue
                count += 1
                digests.add(digest(some))
                for paragraph in re.split(r"\n\s*\n", text):
                    part = words(paragraph)
                    if len(part) >= PARAGRAPH:
                        digests.add(digest(part))
                for at in range(len(some) - SHINGLE + 1):
                    shingles.add(hash(tuple(some[at:at + SHINGLE])))
    print(f"avoided: {count} texts, {len(shingles)} shingles of {SHINGLE} words")

    found = 0
    for path in options.corpus:
        documents = paragraphs = same = near = 0
        with opened(path) as file:
            for line in file:
                document = json.loads(line)
                documents += 1
                parts = re.split(r"\n\s*\n", document["text"])
                if "title" in document:
                    parts.append(document["title"])
                for part in parts:
                    some = words(part)
                    if len(some) < LEAST:
                        continue
                    paragraphs += 1
                    if digest(some) in digests:
                        same += 1
                        print(f"  same: {document.get('id')}: {' '.join(some)[:100]}")
                    elif len(some) >= 2 * SHINGLE:
                        all_of = len(some) - SHINGLE + 1
                        shared = sum(
                            hash(tuple(some[at:at + SHINGLE])) in shingles for at in range(all_of))
                        if 2 * shared >= all_of:
                            near += 1
                            print(f"  near: {document.get('id')}: {' '.join(some)[:100]}")
        found += same + near
        print(f"{os.path.basename(path)}: {documents} documents, {paragraphs} paragraphs: "
              f"{same} the same, {near} near duplicates")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
