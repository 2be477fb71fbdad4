"""What can be wrong with a study, as codes with English sentences."""

from typing import Final

from annotation.problems import gettext_noop, kind

NO_LEAVE: Final = kind(
    "no-leave-for-prompt-set",
    gettext_noop("This study may no longer use the prompt set “%(name)s”. Ask the prompt set’s owner for access."),
)
NO_TEXTS: Final = kind(
    "without-texts",
    gettext_noop("The prompts and answers of “%(name)s” have no texts, so nobody can be asked about them."),
)
HIDDEN: Final = kind("hidden", gettext_noop("This study is hidden, so nothing runs for it. Show it again first."))
