"""Finds answers that name their model, but not answers that use an ordinary word."""

import pytest

from annotation.interchange.self_identification import names_itself

CLAUDE = {"name": "Claude v2", "org": "Anthropic", "api_id": "anthropic/claude-2"}
GPT = {"name": "GPT 3.5 Turbo", "org": "OpenAI", "api_id": "gpt-3.5-turbo"}
COMMAND = {"name": "command", "org": "Cohere", "api_id": "command"}
LLAMA = {"name": "LLaMA-2-Chat (7B)", "org": "Meta", "api_id": "togethercomputer/llama-2-7b-chat"}
FALCON = {"name": "Falcon Instruct (40B)", "org": "TII UAE", "api_id": "togethercomputer/falcon-40b-instruct"}
TOGETHER = {"name": "RedPajama-INCITE Chat (3B)", "org": "Together", "api_id": "x/y"}


@pytest.mark.parametrize(
    ("model", "text", "found"),
    [
        (CLAUDE, "I'm Claude, an assistant.", "I'm Claude"),
        (CLAUDE, "Hello, I am called Claude 2.", "Claude 2"),
        (CLAUDE, "私はClaudeです。", "私はClaude"),
        (CLAUDE, "I was made by Anthropic.", "made by Anthropic"),
        (CLAUDE, "As far as Anthropic told me.", "Anthropic"),
        (GPT, "As a model trained by OpenAI, I cannot.", "trained by OpenAI"),
        (GPT, "GPT stands for a transformer.", "GPT"),
        (GPT, "Ask gpt-3.5-turbo instead.", "gpt-3.5-turbo"),
        (COMMAND, "My name is Command.", "My name is Command"),
        (COMMAND, "I am a model developed by Cohere.", "developed by Cohere"),
        (LLAMA, "This is Llama 2.", "Llama 2"),
        (LLAMA, "LLaMA is what I am.", "LLaMA"),
        (FALCON, "They call me the Falcon 40B.", "Falcon 40B"),
        (TOGETHER, "I was created by Together.", "created by Together"),
    ],
)
def test_an_answer_that_names_its_model_or_maker_is_found(model: dict[str, str], text: str, found: str) -> None:
    assert found in (names_itself(text, **model) or "")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (COMMAND, "Type the command in the shell. Command line tools help. I am in command."),
        (COMMAND, "A coherent answer."),
        (CLAUDE, "A claudication of the leg."),
        (LLAMA, "A llama is an animal of the Andes. Metaphors abound."),
        (LLAMA, "Meta comments stand first."),
        (FALCON, "The falcon flies. Falcons hunt."),
        (FALCON, "Falcon is a bird."),
        (TOGETHER, "Together we are strong; we work together."),
        (GPT, "A chat about turbo engines."),
    ],
)
def test_an_ordinary_word_is_not_found(model: dict[str, str], text: str) -> None:
    assert names_itself(text, **model) is None


def test_a_name_that_the_prompt_has_said_gives_nothing_away() -> None:
    assert names_itself("OpenAI was founded in 2015.", **GPT) == "OpenAI"
    assert names_itself("OpenAI was founded in 2015.", **GPT, prompt="When was openai founded?") is None
    assert names_itself("I was made by OpenAI.", **GPT, prompt="Who made you, OpenAI?") is not None


def test_names_with_signs_of_patterns_are_taken_as_they_are() -> None:
    assert names_itself("c++ (x)", name="C++ (X)*[", org="a|b", api_id="(") is None
