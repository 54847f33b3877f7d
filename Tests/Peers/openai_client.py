#!/usr/bin/env python3
"""Uses plm serve with the official openai client: every shape, errors, and many clients at once.

    python openai_client.py URL [--clients 64] [--tokens 32] [--key TOKEN]

URL is what plm serve prints. Says what differs and ends with 1, or prints one line and ends with 0.
"""
import argparse, concurrent.futures, sys
import openai

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--clients", type=int, default=64)
parser.add_argument("--users", type=int, default=8)
parser.add_argument("--tokens", type=int, default=32)
parser.add_argument("--key", default="none")
options = parser.parse_args()

failures = []


def check(what, holds, found=""):
    if not holds:
        failures.append(f"{what}: {found}")


def client():
    return openai.OpenAI(base_url=options.url, api_key=options.key, max_retries=0, timeout=600)


one = client()
users = [model.id for model in one.models.list()][: options.users]
check("models", len(users) > 0)
user = users[0]
check("one model", one.models.retrieve(user).id == user)

prompts = ["On Sunday we", "The rain had", "I have never liked", "When the letter came", "The first thing",
           "Nobody told me", "At the market", "In the evening"]
greedy = dict(temperature=0, max_tokens=options.tokens)

# Completions: whole and streamed say the same.
whole = one.completions.create(model=user, prompt=prompts[0], logprobs=3, **greedy)
choice = whole.choices[0]
check("finish reason", choice.finish_reason in ("length", "stop"), choice.finish_reason)
check("logprobs", len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs)
      == len(choice.logprobs.top_logprobs) == len(choice.logprobs.text_offset))
check("usage", whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens)
parts = list(one.completions.create(model=user, prompt=prompts[0], stream=True,
                                    stream_options={"include_usage": True}, **greedy))
text = "".join(part.choices[0].text for part in parts if part.choices)
check("completion stream", text == choice.text, (text, choice.text))
check("stream usage", parts[-1].usage.completion_tokens == whole.usage.completion_tokens)

# Chat: the same.
messages = [{"role": "system", "content": "A diary."}, {"role": "user", "content": "On Sunday we"}]
chat = one.chat.completions.create(model=user, messages=messages, logprobs=True, top_logprobs=2, **greedy)
check("chat role", chat.choices[0].message.role == "assistant")
rows = chat.choices[0].logprobs.content
check("chat logprobs", len(rows) > 0 and all(len(row.top_logprobs) == 2 for row in rows))
parts = list(one.chat.completions.create(model=user, messages=messages, stream=True, **greedy))
text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
check("chat stream", text == chat.choices[0].message.content, (text, chat.choices[0].message.content))
check("chat end", parts[-1].choices[0].finish_reason in ("stop", "length"))

# Seeds, n, stop, choices.
drawn = [one.completions.create(model=user, prompt=prompts[1], temperature=1, seed=5, n=3, max_tokens=12)
         for _ in range(2)]
check("seed", [c.text for c in drawn[0].choices] == [c.text for c in drawn[1].choices])
check("n", len({c.text for c in drawn[0].choices}) == 3)
if " " in choice.text.strip():
    stop = choice.text.strip().split()[1]
    stopped = one.completions.create(model=user, prompt=prompts[0], stop=[stop], **greedy).choices[0]
    check("stop", stop not in stopped.text and choice.text.startswith(stopped.text)
          and stopped.finish_reason == "stop", stopped.text)
chosen = one.completions.create(model=user, prompt="The sky is", max_tokens=1,
                                extra_body={"choices": [" blue", " seven", " of"]})
check("choices", chosen.choices[0].text in (" blue", " seven", " of"), chosen.choices[0].text)

# Errors have their classes.
def raises(what, kind, call):
    try:
        call()
        failures.append(f"{what}: no error")
    except kind as error:
        check(what, error.body is not None and error.body.get("message"), error)
    except Exception as error:  # noqa: BLE001
        failures.append(f"{what}: {type(error).__name__} {error}")


raises("unknown model", openai.NotFoundError,
       lambda: one.completions.create(model="nobody there", prompt="a"))
raises("bad field", openai.BadRequestError,
       lambda: one.completions.create(model=user, prompt="a", temperature=9))
raises("too long", openai.BadRequestError,
       lambda: one.completions.create(model=user, prompt="word " * 20000, max_tokens=1))
raises("large body", openai.APIStatusError,
       lambda: one.completions.create(model=user, prompt="word " * 2_000_000, max_tokens=1))

# Many clients at once get what one alone gets.
def ask(asker, user, prompt):
    return asker.completions.create(model=user, prompt=prompt, **greedy).choices[0].text


alone = {(u, p): ask(one, u, p) for u in users for p in prompts}
check("adapters differ", len(set(alone.values())) > len(prompts) or len(users) == 1)
jobs = [(users[i % len(users)], prompts[i // len(users) % len(prompts)]) for i in range(options.clients)]
with concurrent.futures.ThreadPoolExecutor(options.clients) as pool:
    found = list(pool.map(lambda job: ask(client(), *job), jobs))
different = sum(text != alone[job] for text, job in zip(found, jobs))
check(f"{options.clients} clients", different == 0, f"{different} answers differ")

for failure in failures:
    print(failure, file=sys.stderr)
if failures:
    sys.exit(1)
print(f"{options.clients} clients on {len(users)} models: as one alone; all shapes as openai "
      f"{openai.__version__} reads them")
