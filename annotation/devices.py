"""Which class of device a browser runs on, read from what it says of itself."""

import re
from collections.abc import Mapping
from typing import Final, Literal

type Device = Literal["phone", "tablet", "computer"]

# Old Internet Explorer on a laptop with a pen said "Tablet PC"; so Windows is asked before "tablet".
_WINDOWS: Final = re.compile(r"Windows NT", re.IGNORECASE)
_TABLET: Final = re.compile(r"iPad|tablet|PlayBook|Silk(?!.*\bMobile\b)|Kindle", re.IGNORECASE)
_PHONE: Final = re.compile(r"iPhone|iPod|Windows Phone|BlackBerry|BB10|Opera Mini|\bMobile\b|\bMobi\b", re.IGNORECASE)
_MAC: Final = re.compile(r"Macintosh", re.IGNORECASE)


def device_class(headers: Mapping[str, str], touch_points: int = 0) -> Device:
    """The class of device that sent `headers` (User-Agent and, where sent, the low-entropy client hints).

    `touch_points` is the browser's `navigator.maxTouchPoints`, if a script asked: an iPad calls itself
    a Macintosh, and no Macintosh has a touch screen. What says nothing is taken for a computer, since
    turning somebody away wrongly is worse than letting in a device that is small.
    """
    agent = headers.get("User-Agent", "")
    if headers.get("Sec-CH-UA-Mobile") == "?1":
        return "phone"
    if headers.get("Sec-CH-UA-Platform", "").strip('"') in {"Android", "iOS"}:
        return "tablet"
    if _WINDOWS.search(agent):
        return "computer"
    if _TABLET.search(agent):
        return "tablet"
    if _PHONE.search(agent):
        return "phone"
    if "Android" in agent or (_MAC.search(agent) and touch_points > 1):
        return "tablet"
    return "computer"
