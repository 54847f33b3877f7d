#!/usr/bin/env python3
"""Compares ids and text of plm and Hugging Face's tokenizers, on real text and on generated nasties.

usage: tokenizers.py --plm PLM --data DATA [--size BYTES] [--only NAME]
       tokenizers.py --plm PLM --fixtures TOKENIZERS_FIXTURES

DATA is the folder that holds tokenizers, corpus, eval and users. Ends with 0 if all agree. With
--fixtures the tokenizers that this folder's make.py made are compared instead.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile

# This file is called like the package it needs.
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]
from tokenizers import Tokenizer  # noqa: E402


def real_text(data, size):
    """Mixed text: books, abstracts, notes, authors, encyclopedia, questions."""
    parts = []

    def add(text, share):
        parts.append(text[: int(size * share)])

    with gzip.open(os.path.join(data, "corpus/books.txt.gz"), "rt", encoding="utf-8", errors="replace") as file:
        add(file.read(size), 0.3)
    with gzip.open(os.path.join(data, "corpus/abstracts.jsonl.gz"), "rt", encoding="utf-8") as file:
        add(file.read(size), 0.25)
    for name in ("valid", "test"):
        with open(os.path.join(data, f"eval/wikitext2/{name}.txt"), encoding="utf-8") as file:
            add(file.read(), 0.1)
    texts = []
    for folder, _, names in sorted(os.walk(os.path.join(data, "users"))):
        for name in sorted(names):
            if name.endswith((".md", ".txt", ".jsonl")):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    texts.append(file.read())
    random.Random(5).shuffle(texts)
    add("\n".join(texts), 0.25)
    with open(os.path.join(data, "lamp/news-headline/dev_questions.json"), encoding="utf-8") as file:
        add(file.read(), 0.1)
    return "\n\n".join(parts)


def nasties(count=3000, seed=7):
    """Texts of what breaks tokenizers; the same for the same seed."""
    rng = random.Random(seed)
    fixed = [
        "", " ", "  ", "   ", "\n", "\n\n", " \n", "\r\n", "\t", "\t \t", " a", "a ", "  a  ", "a\n\nb", "a \n b",
        "'s", "'S 'T 'RE 'Ve 'LL 'd", "it's IT'S it'ſ x'ſ", "don't can't we'll I'VE", "''''", "' s", "’s it’s",
        "0", "00", "000", "0000", "123456789", "1.234,56", "½ ² ³ ¹ ٣ ४ Ⅳ ㊿ 𝟘𝟙", "3 4  5   6", "a1b22c333",
        "é e\u0301 \u0301 a\u0301\u0323 a\u0323\u0301 ñ n\u0303", "각 \u1100\u1161\u11a8 가\u11a8 한글", "ﬁ ﬀ ﷺ ㈱ Ａ１", "Å Å Ω Ω",
        "日本語の文章。中文，句子！", "カタカナ ｶﾞ ひらがな\u3099", "ไทยภาษา คำ", "हिन्दी में पाठ क्ष", "தமிழ்", "ខ្មែរ",
        "שלום עולם ‏מימין‏", "مرحبا بالعالم ١٢٣ لا", "\u202eabc\u202c", "Привет мир", "Ελληνικά ςσ", "Türkçe İı",
        "👩‍👩‍👧‍👦 👨🏽‍🚀 🏳️‍🌈 🇩🇪🇫🇷 ☺️ ☺ 5️⃣", "🙂🙂🙂", "🫠🪿🫨🩷", "\u200d\u200c\u200b\ufeff", "\u00a0\u2003\u3000x\u2028y\u2029z\u0085",
        "\x00\x01\x02\x1f\x7f\x80\x9f", "\x1b[0m", "a\x00b", "\ufffd\ufffd", "\ue000\U0010ffff\ufdd0", "\u0378\U000e0001",
        "x" * 300, " " * 300, "\n" * 50, "ab" * 200, "é" * 100, "🙂" * 60, "1" * 100, "." * 80, "=" * 65 + "\n", "\u0301" * 40,
        "http://example.org/a?b=c&d=%20#e", "def f(x):\n    return x ** 2\n\n\n\tif y:\n", "{\"a\": [1, 2.5e-3]}",
        "<|endoftext|>", "a<|endoftext|>b", "<|im_start|>user\nhi<|im_end|>", "<s></s><unk>", "▁a ▁▁b a▁b", "<0x0A><0xFF>",
        "ï¿½", "Ġhello Ċ", "ﾟ", "\u1e9b\u0323", "\U00011935\U00011930", "\U000105d2\u0307", "\u08c8\u08c9", "\U00011f50 5", "\U00011de0\U00016ff4",
        "\U0001cce0", "\u2eb8 \U00031350 \U000323b0", "\u0295\u0294", "\u1c89\u1c8a", "a\u0897b",
    ]
    alphabets = [
        "abcdefghijklmnopqrstuvwxyz", "ABCxyz", "0123456789", "٠١٢३४５６Ⅷ½²", "     ", " \t\n\r\u000b\u000c", "\n", "\u00a0\u2009\u3000\u2028\u0085",
        ".,;:!?'\"()[]{}-_/\\@#$%^&*+=<>|~`", "'stmdreveLLS", "éàüßøłſİı", "\u0300\u0301\u0308\u0323\u0327\u0345\u093c\u0e34\u20e3",
        "中文字符日本語漢字", "ひらがなカタカナー", "한글조선\u1100\u1161\u11a8", "אבגשלום", "ابجدمرحبا\u064b\u0651", "абвгдПривет", "αβγδςΣ",
        "हिन्दीक्षत्र", "ไทยคำ", "🙂😀🎉👍🏽👩‍🚀🇩🇪❤️", "\u200d\u200c\ufe0f\u200b\ufeff\u00ad", "\x00\x01\x1f\x7f\x9f",
        "\u2581▁", "<>|_aim", "ﬁﬀ㈱Ａ１ﾊﾞ", "𝒜𝔅𝟘\U00011f50\U0001f1e6",
    ]
    texts = list(fixed)
    while len(texts) < count:
        parts = []
        for _ in range(rng.randint(1, 12)):
            if rng.random() < 0.1:
                # Any character at all, but surrogates.
                value = rng.choice([rng.randrange(0x300), rng.randrange(0x3000), rng.randrange(0x110000)])
                parts.append(chr(value) if not 0xD800 <= value < 0xE000 else "\ufffd")
            elif rng.random() < 0.1:
                parts.append(rng.choice(fixed))
            else:
                letters = rng.choice(alphabets)
                parts.append("".join(rng.choice(letters) for _ in range(rng.choice([1, 1, 2, 3, 5, 9, 20]))))
        texts.append("".join(parts))
    # What is not UTF-8 reaches both sides as U+FFFD.
    for _ in range(200):
        raw = bytes(rng.randrange(256) if rng.random() < 0.5 else rng.choice(b"abc \xe2\x82\xac\xf0\x9f") for _ in range(rng.randint(1, 30)))
        texts.append(raw.decode("utf-8", errors="replace"))
    return texts


def plm(args, base, content, *options):
    command = [args.plm, "tokens", "--base", base, *options]
    return subprocess.run(command, input=content, check=True, capture_output=True).stdout


def ids_of(output):
    return [[int(word) for word in line.split()] for line in output.decode().split("\n")[:-1]]


def compare(args, name, base, peer, texts, big, big_bytes=None):
    """Compares ids of all texts in three ways, and the text that ids give."""
    good = True
    lines = "".join(json.dumps(text) + "\n" for text in texts).encode()
    for title, options, literal, ends in (
        ("names as words", [], True, False),
        ("names as tokens", ["--specials"], False, False),
        ("with ends", ["--specials", "--ends"], False, True),
    ):
        peer.encode_special_tokens = literal
        ours = ids_of(plm(args, base, lines, "--lines", *options))
        theirs = [peer.encode(text, add_special_tokens=ends).ids for text in texts]
        wrong = [at for at in range(len(texts)) if at >= len(ours) or ours[at] != theirs[at]]
        good &= not wrong
        print(f"{name}: {len(texts)} nasties, {title}: {len(texts) - len(wrong)} the same")
        for at in wrong[:5]:
            print(f"  {texts[at]!r}\n    ours   {ours[at] if at < len(ours) else None}\n    theirs {theirs[at]}")
    peer.encode_special_tokens = True
    rng = random.Random(11)
    raw = b"".join(bytes(rng.choice([rng.randrange(256), 0xE2, 0x82, 0xF0, 0x9F, 0x61, 0x20, 0xED, 0xA0]) for _ in range(30)) for _ in range(300))
    same = ids_of(plm(args, base, raw))[0] == peer.encode(raw.decode("utf-8", errors="replace"), add_special_tokens=False).ids
    good &= same
    print(f"{name}: {len(raw)} bytes that are not UTF-8: {'the same' if same else 'DIFFERENT'}")
    decoded_wrong = 0
    for text in texts[:60]:
        ids = peer.encode(text, add_special_tokens=False).ids
        ours = plm(args, base, " ".join(map(str, ids)).encode(), "--decode").decode()
        if ours != peer.decode(ids):
            decoded_wrong += 1
            print(f"  decoded {text!r}: {ours!r}, not {peer.decode(ids)!r}")
    print(f"{name}: decoded: {60 - decoded_wrong} of 60 the same")
    good &= decoded_wrong == 0
    if big:
        theirs = []
        pieces = [big]
        for piece in pieces:
            theirs += peer.encode(piece, add_special_tokens=False).ids
        ours = ids_of(plm(args, base, big.encode()))[0]
        same = ours == theirs
        good &= same
        print(f"{name}: {len(big.encode())} bytes of real text: {len(ours)} and {len(theirs)} ids, {'the same' if same else 'DIFFERENT'}")
        if not same:
            at = next((i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), min(len(ours), len(theirs)))
            print(f"  first at {at}: {ours[at - 3:at + 5]} and {theirs[at - 3:at + 5]}: {peer.decode(theirs[at - 3:at + 5])!r}")
    return good


def stock(base):
    """The peer's tokenizer of a folder, cut or padded by nothing."""
    path = os.path.join(base, "tokenizer.json")
    if os.path.exists(path):
        peer = Tokenizer.from_file(path)
    else:
        from transformers import AutoTokenizer

        peer = AutoTokenizer.from_pretrained(base).backend_tokenizer
    peer.no_truncation()
    peer.no_padding()
    return peer


def llama(path):
    """Llama's tokenizer of a SentencePiece model, as transformers built it with a space before texts."""
    from tokenizers import AddedToken, decoders, models, normalizers, processors
    from transformers.convert_slow_tokenizer import generate_merges
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_file=path)
    count = model.get_piece_size()
    vocab = {model.id_to_piece(i): i for i in range(count)}
    scores = [(model.id_to_piece(i), model.get_score(i)) for i in range(count)]
    special = [i for i in range(count) if model.is_control(i) or model.is_unknown(i)]
    skip = [model.id_to_piece(i) for i in range(count) if model.is_control(i) or model.is_unknown(i) or model.is_byte(i)]
    peer = Tokenizer(
        models.BPE(vocab, generate_merges(vocab, scores, skip), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    peer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    peer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    peer.add_special_tokens([AddedToken(model.id_to_piece(i), normalized=False, special=True) for i in special])
    peer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", model.bos_id())])
    return peer, model


def compare_llama(args, name, path, texts, big):
    peer, model = llama(path)
    # Names of control tokens are no words to Hugging Face even where they are to be encoded as such.
    good = compare(args, name, path, peer, texts, None)
    lines = "".join(json.dumps(text) + "\n" for text in texts).encode()
    ours = ids_of(plm(args, path, lines, "--lines"))
    wrong = [at for at in range(len(texts)) if ours[at] != model.encode(texts[at])]
    print(f"{name}: sentencepiece itself: {len(texts) - len(wrong)} of {len(texts)} the same")
    for at in wrong[:5]:
        print(f"  {texts[at]!r}\n    ours   {ours[at]}\n    theirs {model.encode(texts[at])}")
    good &= not wrong
    ours = ids_of(plm(args, path, big.encode()))[0]
    same = ours == model.encode(big)
    print(f"{name}: sentencepiece on {len(big.encode())} bytes of real text: {'the same' if same else 'DIFFERENT'}")
    return good and same


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--plm", required=True)
    parser.add_argument("--data")
    parser.add_argument("--fixtures")
    parser.add_argument("--size", type=int, default=10_000_000)
    parser.add_argument("--only")
    args = parser.parse_args()
    good = True
    texts = nasties()
    if args.fixtures:
        for name in sorted(os.listdir(args.fixtures)):
            base = os.path.join(args.fixtures, name)
            if os.path.exists(os.path.join(base, "tokenizer.json")) and args.only in (None, name):
                good &= compare(args, name, base, stock(base), texts, None)
    if args.data:
        big = real_text(args.data, args.size)
        folder = os.path.join(args.data, "tokenizers")
        for name in ("gpt2", "smollm2", "qwen2"):
            if args.only in (None, name):
                good &= compare(args, name, os.path.join(folder, name), stock(os.path.join(folder, name)), texts, big)
        for name in ("tokenizer.model.v1", "mistral_instruct_tokenizer_240323.model.v3"):
            if args.only in (None, "mistral"):
                good &= compare_llama(args, name, os.path.join(folder, "mistral", name), texts, big[: len(big) // 5])
    print("all the same" if good else "NOT the same")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
