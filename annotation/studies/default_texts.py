"""The default consent and instruction of a new study, in the study's language."""

from django.utils import translation
from django.utils.translation import gettext as _


def consent(language: str) -> str:
    """Returns Markdown in `language` if it is translated, else in English."""
    with translation.override(language):
        return _(
            "You will read answers written by computer programs and choose the better one.\n\n- Your answers "
            "are stored under a number, without your name, and may be published for research.\n- Some "
            "answers may be wrong, strange or unpleasant. You can skip a pair or report it.\n- Taking part "
            "is voluntary. You can stop at any time, and you can withdraw your answers.\n"
        )


def instruction(language: str) -> str:
    """Returns Markdown in `language` if it is translated, else in English."""
    with translation.override(language):
        return _(
            "You will see a **prompt** and two answers to it, **A** and **B**. Choose the better answer.\n\n"
            "1. Read the prompt and both answers in full.\n2. Ask yourself which answer does what the prompt "
            "asks. Is it correct? Is it clear? Is anything missing?\n3. Choose the better one. If both are "
            "equally good or equally bad, choose **Tie**.\n\nAn answer is not better just because it is "
            "longer or looks nicer. An answer is not worse just because it was cut off.\n"
        )
