"""The first answers that a process renders may be rendered by several threads at once."""

from pathlib import Path
from typing import Final

import pytest

from tests.arena import Arena

pytestmark = pytest.mark.once

RENDERS: Final = """
import threading, time
import django, mdurl._encode
django.setup()
from annotation.markup import markdown

class Slow(str):
    def __contains__(self, letter):
        time.sleep(0.001)
        return super().__contains__(letter)

# What the parser's library goes through while it builds a table.
mdurl._encode.ASCII_LETTERS_AND_DIGITS = Slow(mdurl._encode.ASCII_LETTERS_AND_DIGITS)
text = "[a link](https://example.org/1?a=%20&b=~#c)"
found, failed, gate = set(), [], threading.Barrier(16)

def render():
    gate.wait()
    try:
        found.add(str(markdown.render_page(text, lambda link: link)))
    except Exception as error:
        failed.append(repr(error))

threads = [threading.Thread(target=render) for _number in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found), failed[:1])
"""


def test_threads_that_render_first_do_not_fail(tmp_path: Path) -> None:
    arena = Arena(tmp_path, DJANGO_SETTINGS_MODULE="llmfao_site.settings")
    assert arena.run("-c", RENDERS) == "1 []"
