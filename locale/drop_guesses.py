"""Takes guesses out of the catalogues; `make messages` runs it after the sources were read.

msgmerge fills a new message with the translation of one that looks like it. Such a guess is worse than
English: it reads well and says something else. xgettext takes a per cent sign for a place to fill in, as in
"95% intervals"; msgfmt then asks for the same place in the translation.
"""

import re
from pathlib import Path

import polib

PLACE = re.compile(r"%(%|\(|[sd])")

for path in Path(__file__).parent.glob("*/LC_MESSAGES/*.po"):
    catalogue = polib.pofile(str(path), wrapwidth=110)
    for entry in catalogue.fuzzy_entries():
        entry.msgstr = ""
        entry.msgstr_plural = dict.fromkeys(entry.msgstr_plural, "")
        entry.previous_msgid = entry.previous_msgid_plural = entry.previous_msgctxt = None
        entry.flags.remove("fuzzy")
    for entry in catalogue:
        if "python-format" in entry.flags and not PLACE.search(entry.msgid):
            entry.flags.remove("python-format")
    catalogue.save()
