#!/usr/bin/env python3
"""Compares the prompts that plm and transformers' apply_chat_template give.

usage: chat_templates.py --plm PLM [--data DATA]
       chat_templates.py --fixture FILE

The families that plm knows by name, templates of our own that use what models' templates use, and,
with DATA (the folder that holds tokenizers), the models' own. Ends with 0 if all agree. With
--fixture the cases and what transformers makes of them are written to a file for plm's own tests.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
from transformers.utils.chat_template_utils import render_jinja_template  # noqa: E402

CHATS = [
    [{"role": "user", "content": "Hi"}],
    [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hi\n"}],
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " Hello. "}, {"role": "user", "content": "Who?\n\nReally \"who\" & 'why' <b>?"}],
    [{"role": "system", "content": "S"}, {"role": "user", "content": "été 🙂 日本"}, {"role": "assistant", "content": ""}, {"role": "user", "content": "  "}],
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    [{"role": "assistant", "content": "I start"}, {"role": "user", "content": "ok"}],
    [{"role": "tool", "content": "42", "name": "sum"}, {"role": "user", "content": "ok"}],
    [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 2.5, "c": [True, None, "é\"\n"]}}}]}, {"role": "tool", "content": "4"}],
    [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nfour"}, {"role": "user", "content": "r"}],
    [],
]

# Of our own, using what the templates of Llama 3.x, Qwen2.5 and 3, Mistral, Zephyr, Gemma, Phi and
# others use.
OWN = {
    "llama3-tools": """{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system message stands first. #}
{%- if messages and messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("one call at a time") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "qwen3-like": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}
                    {{- '\\n' }}
                {%- endif %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '<tool_call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    "zephyr-lines": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>
'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}
""",
    "mistral-like": """{%- if messages and messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- endif %}
{%- endfor %}
{{ user_messages | map(attribute='content') | join(', ') | upper }}{{ user_messages|length ~ '/' ~ messages|count }}""",
    "gemma-like": """{{ bos_token }}{% if messages and messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '
' + message['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model
'}}{% endif %}""",
    "white-space": """  {% if true %}
  kept {{ 1 }} {# gone #} {{ 2 }}
  {#- gone too -#}
  {%- set a = [1, 2, 3] -%}
  {% for x in a if x != 2 %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ", " if not loop.last }}{% else %}none{% endfor %}

\t{%+ if a %}  plus  {%+ endif %}
  {% endif %}   
tail {{- ' a ' -}}   
{% macro say(what, often=2) %}{{ (what ~ '!') * often }}{% endmacro %}
{{ say('hey') }}{{ say('ho', often=1) }}
{% generation %}said{% endgeneration %}

{% for k, v in {'x': 1, 'y': [true, none, 1.5, 'q']}.items() %}{{ k }}={{ v }};{% endfor %}
{{ {'a': 'b', 'c': {}} }} {{ (1, 'two') }} {{ [] }} {{ 1e16 }} {{ 0.1 + 0.2 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 1.0 }} {{ 1e-5 }}
{{ 'abc'[::-1] }} {{ 'abcdef'[1:-1:2] }} {{ 'abc'[-1] }} {{ [1, 2, 3][5] }} {{ 'x' in 'xyz' }} {{ 4 not in a }} {{ 1 < 2 < 3 }} {{ not 1 == 2 }}
{{ undefined_thing }}{{ undefined_thing is defined }}{{ undefined_thing|default('d') }}{{ ''|default('e', true) }}{{ none|default('f') }}
{% set b %}block {{ a|last }}{% endset %}{{ b|length }}{{ b|replace('block', 'B') }}{{ b.upper() }}{{ 'a b  c'.split() }}{{ 'a,b,c'.split(',', 1) }}
{{ 'line\\nnext'|indent(3) }} {{ 'it\\'s' }} {{ ["it's", 'x"y', 'a\\nb'] }} {{ ' x '|trim|capitalize }} {{ 'hello world'|title }} {{ 'ab'|first }}{{ 'ab'|list }}
{{ '%s' in 'a%s' }}{{ a|map('string')|join('-') }}{{ a|select('odd')|list }}{{ a|reject('odd')|list }}{{ a|sum }}{{ a|max }}{{ range(3)|list }}{{ range(5, 0, -2)|list }}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}
{{ -1|abs }}{{ 'a' 'b' }}{{ true and 'yes' or 'no' }}{{ a is iterable }}{{ a is mapping }}{{ 'x' is string }}{{ 3 is divisibleby 3 }}{{ (a|length) > 2 }}{{ loop is defined }}
{{ 'é"<>&\\u2028'|tojson }}{{ {'b': 1, 'a': [1.0, none]}|tojson }}{{ 'İstanbul ǆ ß'|upper }}{{ 'ÀÉ'|lower }}{{ 'a' < 'b' }}{{ messages|length }}
""",
}


def theirs(template, messages, prompt, variables):
    try:
        texts, _ = render_jinja_template([messages], chat_template=template, add_generation_prompt=prompt, **variables)
        return texts[0]
    except Exception as error:  # Whatever Jinja says: there is no prompt.
        return None if isinstance(error, Exception) else None


def ours(args, base, options, messages, prompt, variables):
    conversation = json.dumps({"messages": messages, "add_generation_prompt": prompt, **variables}).encode()
    result = subprocess.run(
        [args.plm, "tokens", "--base", base, "--chat", "--text", *options], input=conversation, capture_output=True)
    return result.stdout.decode() if result.returncode == 0 else None


VARIABLES = [{}, {"tools": [{"name": "add", "parameters": {"x": "int", "é": [1, 2.0]}}], "enable_thinking": False, "date_string": "1 Jan 2030"}]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--plm")
    parser.add_argument("--data")
    parser.add_argument("--fixture")
    args = parser.parse_args()
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    if args.fixture:
        cases = []
        for name, template in OWN.items():
            for messages in CHATS:
                for variables in VARIABLES:
                    for prompt in (True, False):
                        cases.append({
                            "template": name, "messages": messages, "variables": variables, "add_generation_prompt": prompt,
                            "prompt": theirs(template, messages, prompt, variables | tokens)})
        with open(args.fixture, "w") as file:
            json.dump({"templates": OWN, "tokens": tokens, "cases": cases}, file, indent=0)
            file.write("\n")
        return 0
    good = True

    def compare(name, base, options, template, tokens):
        nonlocal good
        count = same = 0
        for messages in CHATS:
            for variables in VARIABLES:
                for prompt in (True, False):
                    wanted = theirs(template, messages, prompt, variables | tokens)
                    found = ours(args, base, options, messages, prompt, variables)
                    count += 1
                    if wanted == found:
                        same += 1
                    else:
                        print(f"  {name}: {messages!r} {variables!r}\n    ours   {found!r}\n    theirs {wanted!r}")
        good &= same == count
        print(f"{name}: {same} of {count} prompts the same")

    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
            json.dump(tokens, file)
        for name, template in OWN.items():
            path = os.path.join(folder, name + ".jinja")
            with open(path, "w") as file:
                file.write(template)
            compare(name, folder, ["--template", path], template, tokens)
    if args.data:
        for name in ("smollm2", "qwen2"):
            base = os.path.join(args.data, "tokenizers", name)
            with open(os.path.join(base, "tokenizer_config.json"), encoding="utf-8") as file:
                config = json.load(file)
            template = config.get("chat_template")
            if template is None:
                with open(os.path.join(base, "chat_template.jinja"), encoding="utf-8") as file:
                    template = file.read()
            compare(name, base, [], template, {key: config[key] or "" for key in ("bos_token", "eos_token")})
    print("all the same" if good else "NOT the same")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
