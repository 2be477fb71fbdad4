"""The formats that `load` and `export` know: a new one is a file and a line here."""

from typing import Final

from annotation.interchange import llmfao
from annotation.interchange.formats import Format

FORMATS: Final = {known.name: known for known in (Format("llmfao", tuple(llmfao.KINDS), llmfao.named, llmfao.read),)}
