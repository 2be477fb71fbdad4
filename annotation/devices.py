"""The class of device a browser runs on, from its request headers."""

import re
from collections.abc import Mapping
from typing import Final, Literal

type Device = Literal["phone", "tablet", "computer"]

# Old Internet Explorer on a laptop with a pen sends "Tablet PC", so Windows is tested before "tablet".
_WINDOWS: Final = re.compile(r"Windows NT", re.IGNORECASE)
_TABLET: Final = re.compile(r"iPad|tablet|PlayBook|Silk(?!.*\bMobile\b)|Kindle", re.IGNORECASE)
_PHONE: Final = re.compile(r"iPhone|iPod|Windows Phone|BlackBerry|BB10|Opera Mini|\bMobile\b|\bMobi\b", re.IGNORECASE)
_MAC: Final = re.compile(r"Macintosh", re.IGNORECASE)


def device_class(headers: Mapping[str, str], touch_points: int = 0) -> Device:
    """Returns the class of the device that sent `headers` (User-Agent and, if sent, low-entropy client hints).

    `touch_points` is the browser's `navigator.maxTouchPoints`, if known: an iPad identifies as a Macintosh, but
    no Macintosh has a touch screen. An unknown device counts as a computer, because refusing somebody wrongly
    is worse than admitting a small device.
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
