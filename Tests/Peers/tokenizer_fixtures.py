#!/usr/bin/env python3
"""Makes small tokenizers of every scheme plm knows, with the ids that their own libraries give.

usage: tokenizer_fixtures.py FOLDER

Writes FOLDER/texts.json, and for each scheme FOLDER/NAME/tokenizer.json (or tokenizer.model) and
expected.json: the ids of each text with names of special tokens as words, the ids with names as
tokens and with what the tokenizer puts around texts (null where those are the same), and the text
that the first ids give (null where it is the text itself). They are trained on the text below, which is our own.
"""

import io
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
import sentencepiece  # noqa: E402
from sentencepiece import sentencepiece_model_pb2  # noqa: E402
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

sys.path.append(HERE)
from importlib.util import module_from_spec, spec_from_file_location  # noqa: E402

spec = spec_from_file_location("peer_tokenizers", os.path.join(HERE, "tokenizers.py"))
peer_tokenizers = module_from_spec(spec)
spec.loader.exec_module(peer_tokenizers)

TEXT = """The lighthouse keeper's daughter wrote letters to herself. She didn't post them; she'd fold each one and
put it under the lamp. "It's for later," she'd say, "when I've forgotten." In 1915 the 3 ships came, then 27, then
1,204 of them: nobody could count so far. We'll see, they said, and we saw.
Die Möwen schrien über dem Hafen, und Jürgen dachte: schön wäre es, größer zu sein. L'été passé, ça allait déjà mieux.
Привет, сказал он, и море ответило. Το φως γύριζε αργά. 灯台の光が海を照らす。光は遠くへ、波は近くへ。
등대의 빛이 바다를 비춘다. المنارة تضيء البحر. המגדלור מאיר את הים. प्रकाशस्तंभ समुद्र को रोशन करता है।
def light(n):
    for i in range(n):
        print(f"{i:03d} turns")
    return n * 2

lamp = {"height": 41.5, "colour": "white", "on": True}   # it's on
🙂 👍🏽 the lamp   is   on!!! ... --- ??? 🙂🙂
"""
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SHARED = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# As o200k has it: cases apart, contractions at the end of words.
CASED = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+",
])


def byte_level(pre, name="<|endoftext|>", size=420, extra=(), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, trainers.BpeTrainer(
        vocab_size=size, special_tokens=[name, *extra], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False, min_frequency=1))
    return tokenizer


def train(tokenizer, trainer):
    tokenizer.train_from_iterator(TEXT.splitlines(keepends=True) * 3, trainer)


def split(pattern, behavior="isolated", invert=False, regex=True):
    return pre_tokenizers.Split(Regex(pattern) if regex else pattern, behavior, invert)


def last(regex=False, space=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=space, use_regex=regex)


def pieces(model, trainer, pre=None, norm=None, decoder=None):
    tokenizer = Tokenizer(model)
    if pre:
        tokenizer.pre_tokenizer = pre
    if norm:
        tokenizer.normalizer = norm
    if decoder:
        tokenizer.decoder = decoder
    train(tokenizer, trainer)
    return tokenizer


LLAMA_DECODER = decoders.Sequence(
    [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def with_bytes(tokenizer):
    """Adds the pieces of bytes to a BPE model: they are no names of tokens."""
    data = json.loads(tokenizer.to_str())
    vocab = data["model"]["vocab"]
    for name in BYTES:
        vocab.setdefault(name, len(vocab))
    data["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(data))


def schemes(charsmap):
    made = {}
    sequence = pre_tokenizers.Sequence
    made["gpt2"] = byte_level(last(regex=True))
    made["gpt2"].post_processor = processors.ByteLevel()
    made["gpt2"].add_tokens([AddedToken("lamp", single_word=True, normalized=True), AddedToken("turns", lstrip=True, rstrip=True)])
    made["roberta"] = byte_level(last(regex=True, space=True), extra=["<s>", "</s>"])
    made["roberta"].post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    made["smollm"] = byte_level(sequence([pre_tokenizers.Digits(True), last(regex=True)]), extra=["<|im_start|>", "<|im_end|>"])
    made["qwen2"] = byte_level(sequence([split(SHARED % r"\p{N}"), last()]), extra=["<|im_start|>", "<|im_end|>"])
    made["qwen2"].normalizer = normalizers.NFC()
    made["llama3"] = byte_level(sequence([split(SHARED % r"\p{N}{1,3}"), last()]), name="<|begin_of_text|>", ignore_merges=True)
    made["llama3"].post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
            special_tokens=[("<|begin_of_text|>", 0)])])
    made["cased"] = byte_level(sequence([split(CASED), last()]))
    made["several-splits"] = byte_level(sequence([
        split(r"[\r\n]"), split(r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿ]+"), split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"),
        split(r"[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(True), last()]))
    made["behaviours"] = byte_level(sequence([
        split("th", "merged_with_next", regex=False), split(r"[aeiou]{2,}", "merged_with_previous"),
        split(r"\w+(?<=[rs])(?=\W|$)", "contiguous"), split(r"\S+?(?:ing|ed)\b|^\s+", "isolated", invert=True),
        split(r"(?>\d+)(?!\d)|\p{Sc}++", "removed"), last()]))
    for index, behavior in enumerate(("contiguous", "merged_with_next")):
        made[f"punctuation-{index + 1}"] = byte_level(sequence([
            pre_tokenizers.Punctuation(behavior), pre_tokenizers.Digits(False), last(space=bool(index))]))
    made["words"] = pieces(
        models.BPE(unk_token="[UNK]", fuse_unk=True),
        trainers.BpeTrainer(vocab_size=300, special_tokens=["[UNK]", "[CLS]", "[SEP]"], limit_alphabet=90, show_progress=False),
        pre_tokenizers.Whitespace(), normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(), normalizers.Strip()]))
    made["words"].post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    made["unfused"] = pieces(
        models.BPE(unk_token="[UNK]"),
        trainers.BpeTrainer(vocab_size=200, special_tokens=["[UNK]"], limit_alphabet=60, show_progress=False),
        pre_tokenizers.WhitespaceSplit(), normalizers.NFD())
    made["metaspace"] = pieces(
        models.BPE(), trainers.BpeTrainer(vocab_size=360, special_tokens=[], show_progress=False),
        pre_tokenizers.Metaspace(prepend_scheme="first"), normalizers.NFKC(), decoders.Metaspace(prepend_scheme="first"))
    made["metaspace"].add_tokens([AddedToken("<s>", special=True), AddedToken("Lamp", normalized=True)])
    for name, pre, norm in (
        ("llama", None, normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])),
        ("llama-first", pre_tokenizers.Metaspace(prepend_scheme="first", split=False), None),
    ):
        # Trained on words, used on whole texts.
        made[name] = with_bytes(pieces(
            models.BPE(unk_token="<unk>", fuse_unk=True),
            trainers.BpeTrainer(vocab_size=340, special_tokens=["<unk>", "<s>", "</s>"], limit_alphabet=80, show_progress=False),
            pre_tokenizers.Metaspace(), None, LLAMA_DECODER))
        data = json.loads(made[name].to_str())
        empty = Tokenizer(models.BPE())
        if pre:
            empty.pre_tokenizer = pre
        if norm:
            empty.normalizer = norm
        data["pre_tokenizer"] = json.loads(empty.to_str())["pre_tokenizer"]
        data["normalizer"] = json.loads(empty.to_str())["normalizer"]
        made[name] = Tokenizer.from_str(json.dumps(data))
        made[name].post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    made["unigram"] = pieces(
        models.Unigram(), trainers.UnigramTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False),
        pre_tokenizers.Metaspace(), normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
        decoders.Metaspace())
    made["unigram"].post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)])
    data = json.loads(made["unigram"].to_str())
    data["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Precompiled", "precompiled_charsmap": charsmap}, {"type": "Strip", "strip_left": False, "strip_right": True}]}
    data["model"]["vocab"] += [[name, -20.0] for name in BYTES]
    data["model"]["byte_fallback"] = True
    data["decoder"] = json.loads(Tokenizer(models.BPE()).to_str())["decoder"]
    made["precompiled"] = Tokenizer.from_str(json.dumps(data))
    made["precompiled"].decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return made


def sentence_models(folder):
    """Models of SentencePiece itself: BPE with bytes, and unigram with rules of its own."""
    rules = os.path.join(folder, "rules.tsv")
    with open(rules, "w") as file:
        for old, new in (("ﬁ", "fi"), ("ﬀ", "ff"), ("Ａ", "A"), ("１", "1"), ("\u00a0", " "), ("\t", " "), ("\n", " "), ("e\u0301", "é"), ("é", "e"), ("…", "..."), ("ﾊﾞ", "バ"), ("ﾊ", "ハ"), ("\u200b", "")):
            file.write(" ".join(f"{ord(c):X}" for c in old) + "\t" + " ".join(f"{ord(c):X}" for c in new) + "\n")
    models = {}
    for name, options in (
        ("sentencepiece-bpe", dict(model_type="bpe", vocab_size=560, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True)),
        ("sentencepiece-unigram", dict(model_type="unigram", vocab_size=300, normalization_rule_tsv=rules, character_coverage=0.98)),
    ):
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([line for line in TEXT.splitlines() if line.strip()] * 3), model_writer=out,
            minloglevel=2, hard_vocab_limit=False, num_threads=1, **options)
        # The model remembers where its rules lay: no file may.
        proto = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
        proto.normalizer_spec.ClearField("normalization_rule_tsv")
        models[name] = proto.SerializeToString()
    os.remove(rules)
    return models


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    texts = [text for text in peer_tokenizers.nasties(count=240, seed=3) if len(text) < 150][:240] + [TEXT]
    with open(os.path.join(folder, "texts.json"), "w") as file:
        json.dump(texts, file, indent=0)
        file.write("\n")
    models = sentence_models(folder)

    def other(items, usual):
        """What differs from the usual; null for the rest."""
        return [None if pair[0] == pair[1] else pair[0] for pair in zip(items, usual)]

    def write(name, expected, files):
        place = os.path.join(folder, name)
        os.makedirs(place, exist_ok=True)
        for path, content in files.items():
            with open(os.path.join(place, path), "wb") as file:
                file.write(content)
        lines = {key: "[\n" + ",\n".join(json.dumps(item, separators=(",", ":")) for item in items) + "\n]" for key, items in expected.items()}
        with open(os.path.join(place, "expected.json"), "w") as file:
            file.write("{\n" + ",\n".join(f'"{key}": {value}' for key, value in lines.items()) + "\n}\n")

    charsmap = None
    for name, content in models.items():
        model = sentencepiece.SentencePieceProcessor(model_proto=content)
        ids = [model.encode(text) for text in texts]
        # SentencePiece writes a sign for what is unknown; plm leaves it out, like other special tokens.
        decoded = [model.decode([i for i in item if i != model.unk_id()]) for item in ids]
        write(name, {"words": ids, "decoded": other(decoded, texts)}, {"tokenizer.model": content})
        proto = sentencepiece_model_pb2.ModelProto.FromString(content)
        if proto.normalizer_spec.precompiled_charsmap:
            import base64

            charsmap = base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()
    for name, tokenizer in schemes(charsmap).items():
        tokenizer.encode_special_tokens = True
        words = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        decoded = [tokenizer.decode(ids) for ids in words]
        tokenizer.encode_special_tokens = False
        ends = [tokenizer.encode(text, add_special_tokens=True).ids for text in texts]
        write(name, {"words": words, "tokens": other(ends, words), "decoded": other(decoded, texts)},
              {"tokenizer.json": tokenizer.to_str().encode()})


if __name__ == "__main__":
    main()
