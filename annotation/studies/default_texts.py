"""The wording a new study starts with: a consent and an instruction, in the study's language."""

from django.utils import translation
from django.utils.translation import gettext as _


def consent(language: str) -> str:
    """Markdown, in `language` where it is translated, else in English."""
    with translation.override(language):
        return _(
            "You will read answers written by computer programs and say which one you find better.\n\n"
            "- What you answer is stored under a number, without your name, and may be published for research.\n"
            "- Some answers may be wrong, odd or unpleasant. You can skip a pair, or report it.\n"
            "- Taking part is voluntary. You can stop at any time, and you can withdraw what you have given.\n"
        )


def instruction(language: str) -> str:
    """Markdown, in `language` where it is translated, else in English."""
    with translation.override(language):
        return _(
            "You see a **prompt** and two answers to it, **A** and **B**. Say which answer is better.\n\n"
            "1. Read the prompt and both answers to their ends.\n"
            "2. Ask which one does what the prompt asks for: is it right, is it clear, is anything missing?\n"
            "3. Choose the better one. If both are equally good, or equally bad, choose **Tie**.\n\n"
            "Length and polish alone do not make an answer better. An answer that was cut off is not wrong for that.\n"
        )
