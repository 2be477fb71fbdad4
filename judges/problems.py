"""What can go wrong when judges and models are asked. An endpoint's own words have no code: they stay as they came."""

from typing import Final

from annotation.problems import gettext_noop, kind

NO_MONEY: Final = kind("no-money", gettext_noop("The budget is used up."))
DATABASE_REFUSED: Final = kind("database-refused", gettext_noop("A database operation failed. See the log."))
OUR_FAULT: Final = kind("our-fault", gettext_noop("Unexpected error (%(error)s). See the log."))

NO_VARIABLE: Final = kind("no-variable", gettext_noop("The environment variable %(source)s is not set."))
NO_KEY_FILE: Final = kind(
    "no-key-file", gettext_noop("No key could be read from %(path)s. Check that the file exists and is readable.")
)
EMPTY_KEY_FILE: Final = kind("empty-key-file", gettext_noop("The file %(path)s is empty."))
NO_KEY_NAME: Final = kind("no-key-name", gettext_noop("This is not a valid key name. Use NAME_API_KEY or file:NAME."))
ODD_KEY: Final = kind(
    "odd-key", gettext_noop("The key in %(source)s contains characters that an HTTP header cannot carry.")
)

KEY_LOST: Final = kind(
    "key-lost", gettext_noop("The stored API key cannot be used for this endpoint. Paste the key again.")
)
BODY_NOT_OBJECT: Final = kind(
    "body-not-object", gettext_noop('Enter a JSON object of at most %(limit)s characters, such as {"top_k": 20}.')
)
BODY_FIELD_REFUSED: Final = kind(
    "body-field-refused",
    gettext_noop("“%(name)s” cannot be set here, because LLMFAO sets it or it has a setting of its own. Remove it."),
)
HEADERS_NOT_TEXTS: Final = kind(
    "headers-not-texts",
    gettext_noop('Enter a JSON object whose values are strings, such as {"api-key": "{key}"}.'),
)
HEADER_REFUSED: Final = kind("header-refused", gettext_noop("The header “%(name)s” cannot be set here. Remove it."))
ODD_HEADER: Final = kind(
    "odd-header",
    gettext_noop("“%(name)s” is not a valid header: use ASCII characters without line breaks."),
)
SECRET_HEADER: Final = kind(
    "secret-header",
    gettext_noop(
        "The value of “%(name)s” looks like a secret, which is not stored here. Enter {key} for this endpoint’s API "
        "key, NAME_API_KEY, or file:NAME."
    ),
)
NO_ANSWER: Final = kind("no-answer", gettext_noop("No reply within %(seconds)s seconds."))
SLOWER_THAN_TIMEOUT: Final = kind(
    "slower-than-timeout",
    gettext_noop(
        "The endpoint sent no reply within %(seconds)s seconds. Increase the timeout, or check that the model "
        "is loaded."
    ),
)
NO_CONNECTION: Final = kind("no-connection", gettext_noop("Could not connect: %(error)s"))
NO_PROXY: Final = kind(
    "no-proxy",
    gettext_noop(
        "The proxy in the environment variable %(variable)s could not be reached: %(error)s. Check the variable, or "
        "add the endpoint’s host to NO_PROXY."
    ),
)
BAD_CERTIFICATE: Final = kind(
    "bad-certificate",
    gettext_noop(
        "The endpoint’s certificate could not be verified: %(error)s. If your organisation has its own certificate "
        "authority, set the environment variable SSL_CERT_FILE to its certificates and restart."
    ),
)
NO_TLS: Final = kind(
    "no-tls",
    gettext_noop("No secure connection was possible: %(error)s. Check whether the address starts with http or https."),
)
CONNECTION_BROKE: Final = kind("connection-broke", gettext_noop("The connection was lost: %(error)s"))
NO_ADDRESS: Final = kind("no-address", gettext_noop("Invalid address: %(error)s"))
SECRET_ADDRESS: Final = kind(
    "secret-address",
    gettext_noop(
        "The endpoint’s host name points to %(address)s, where cloud providers keep credentials. Nothing is "
        "sent there. Use a different endpoint."
    ),
)
TOO_MANY_BYTES: Final = kind("too-many-bytes", gettext_noop("The reply is larger than %(limit)s bytes."))
PACKED_TWICE: Final = kind("packed-twice", gettext_noop("The reply is compressed more than once."))

NOT_JSON: Final = kind("not-json", gettext_noop("The reply is not JSON."))
STREAM: Final = kind(
    "stream",
    gettext_noop(
        "This endpoint sends its reply as a stream of events, which was not requested. Turn streaming off at the "
        "endpoint or gateway, or use another endpoint."
    ),
)
BROKE_OFF: Final = kind("broke-off", gettext_noop("The endpoint ended the reply early: %(reason)s"))
NO_CHOICE: Final = kind("no-choice", gettext_noop("The reply contains no choices."))
NO_TEXT: Final = kind("no-text", gettext_noop("The reply contains no text."))
NO_SCORE: Final = kind("no-score", gettext_noop("The reply contains no score."))
NO_VECTORS: Final = kind(
    "no-vectors", gettext_noop("The reply does not contain an embedding for each text, or one of them is zero.")
)
MANY_CLASSES: Final = kind(
    "many-classes", gettext_noop("The reply has %(number)s classes, but a reward model has only one.")
)

CUT: Final = kind("cut", gettext_noop("The reply was cut off at the token limit."))
CUT_WHILE_THINKING: Final = kind(
    "cut-while-thinking",
    gettext_noop("The reply was cut off while the model was still thinking, so it contains no answer."),
)
GIVEN_BEFORE: Final = kind(
    "given-before", gettext_noop("The endpoint repeated an earlier reply, so this does not count as a new sample.")
)

EMPTY: Final = kind("empty", gettext_noop("The reply is empty."))
NO_VERDICT: Final = kind("no-verdict", gettext_noop("The reply contains no verdict. It ends with “%(end)s”."))
ODD_VERDICT: Final = kind("odd-verdict", gettext_noop("The verdict is “%(found)s”, but must be %(wanted)s."))
TOO_LONG_TO_READ: Final = kind(
    "too-long-to-read", gettext_noop("The reply has more than %(limit)s characters and is not read.")
)
BROKEN_JSON: Final = kind("broken-json", gettext_noop("The JSON in the reply cannot be read: %(error)s"))
NO_KEY_IN_JSON: Final = kind("no-key-in-json", gettext_noop("The JSON in the reply has no “%(key)s” at its top level."))
CONTRADICTION: Final = kind(
    "contradiction", gettext_noop("The reply contradicts itself: it gives “%(key)s” as %(values)s.")
)
SCORE_OUT_OF_RANGE: Final = kind("score-out-of-range", gettext_noop("The score %(found)s is not between 1 and 10."))
NO_LOGPROBS: Final = kind("no-logprobs", gettext_noop("The reply has no log-probabilities for its first token."))
LITTLE_MASS: Final = kind(
    "little-mass", gettext_noop("A, B and tie add up to %(percent)s%% of the first token’s probability.")
)

NOT_ONE_TAG: Final = kind(
    "not-one-tag", gettext_noop("The reply must contain <%(tag)s> and </%(tag)s> exactly once each.")
)
TAGS_OUT_OF_ORDER: Final = kind("tags-out-of-order", gettext_noop("In the reply, <%(tag)s> is in the wrong place."))
TEXT_OUTSIDE_TAGS: Final = kind("text-outside-tags", gettext_noop("The reply has text outside its tags: “%(text)s”."))
EMPTY_TAG: Final = kind("empty-tag", gettext_noop("In the reply, <%(tag)s> is empty."))

STUDY_RESTS: Final = kind("study-rests", gettext_noop("The study is paused or closed."))
STUDY_HIDDEN: Final = kind("study-hidden", gettext_noop("The study is hidden."))
MAY_NOT: Final = kind(
    "may-not", gettext_noop("The person who created this schedule no longer has access to this study.")
)
MAY_NOT_USE: Final = kind(
    "may-not-use",
    gettext_noop(
        "You don’t have the right to use judge “%(judge)s”. Ask whoever manages the judge to share it with you."
    ),
)
MAY_NOT_USE_ANY_MORE: Final = kind(
    "may-not-use-any-more", gettext_noop("The person who created this schedule may no longer use this judge.")
)
MANY_NAMES: Final = kind(
    "many-names",
    gettext_noop(
        "The endpoint returned a third new model name in this run: “%(name)s”. If the names mean the same model, turn "
        "on “ignore the returned model name” in the judge’s settings and start a new run."
    ),
)
AT_WORK: Final = kind("at-work", gettext_noop("The previous run was still in progress."))
HALTED: Final = kind(
    "halted", gettext_noop("A run of this judge is paused or stopped. The schedule waits for it to end.")
)

SETTING_REFUSED: Final = kind(
    "setting-refused",
    gettext_noop("The endpoint does not accept “%(setting)s”: %(words)s\n%(advice)s"),
)
ADVICE: Final = {
    "max_tokens": kind("choose-limit-name", gettext_noop("Change the token limit or its name, then run again.")),
    "temperature": kind(
        "no-temperature", gettext_noop("Choose to send no temperature (--temperature none), then run again.")
    ),
    "top_p": kind("no-top-p", gettext_noop("Leave top-p blank (--top-p none), then run again.")),
    "reasoning_effort": kind(
        "no-effort",
        gettext_noop('Change the reasoning effort or leave it blank (--reasoning-effort ""), then run again.'),
    ),
    "logprobs": kind(
        "no-log-probabilities", gettext_noop("Choose a reply reader without log-probabilities, then run again.")
    ),
    "seed": kind("no-seed", gettext_noop("Leave the seed blank (--seed none), then run again.")),
    "response_format": kind("no-schema", gettext_noop("Turn off structured output, then run again.")),
}
"""What to do about a request parameter that an endpoint does not accept, by its name."""
ADVICE["max_completion_tokens"], ADVICE["top_logprobs"] = ADVICE["max_tokens"], ADVICE["logprobs"]
NONE_WORKED: Final = kind(
    "none-worked",
    gettext_noop("No call gave a usable reply. Most common problem (%(number)s of %(total)s calls): %(problem)s"),
)
ENDPOINT_SHORTENED: Final = kind(
    "endpoint-shortened",
    gettext_noop("The endpoint was saved as %(endpoint)s, because /chat/completions is added to every request."),
)
TESTED_TOO_OFTEN: Final = kind(
    "tested-too-often",
    gettext_noop("Connections can be tested %(most)s times a minute. Try again in %(seconds)s seconds."),
)
RATE_LIMITED: Final = kind("rate-limited", gettext_noop("The rate limit set for this endpoint is reached"))
BUDGET_RESERVED: Final = kind(
    "budget-reserved", gettext_noop("The rest of the budget is reserved for requests in progress")
)

NOTHING_TO_JUDGE: Final = kind(
    "nothing-to-judge", gettext_noop("Nothing to judge: no pairs or answers in this study match.")
)
SENTINELS_GONE: Final = kind(
    "sentinels-gone",
    gettext_noop("The sentinel set does not match this judge’s current settings, or its items were deleted."),
)
ALREADY_AT_WORK: Final = kind(
    "already-at-work", gettext_noop("This judge is already running on this study. See its run.")
)
WORKED_ON_ELSEWHERE: Final = kind(
    "worked-on-elsewhere", gettext_noop("Run %(number)s is in progress in another process. Wait for it to end.")
)
NO_BASELINE: Final = kind("no-baseline", gettext_noop("No model in this study is named “%(model)s”."))
NAME_TAKEN: Final = kind(
    "name-taken",
    gettext_noop(
        "This study has imported verdicts from “%(name)s”, and nothing can be added to them. Create a new "
        "version on the judge’s page, which counts as “%(next)s”, or add the judge under another name."
    ),
)

NOTHING_TO_COMPARE: Final = kind(
    "nothing-to-compare", gettext_noop("No prompt has answers from two models of this study. Upload answers first.")
)
ALREADY_COMPARING: Final = kind(
    "already-comparing",
    gettext_noop("This study’s answers are already being compared, or the judge is busy with another study’s answers."),
)
NEEDS_JUDGE: Final = kind(
    "similarity-needs-judge",
    gettext_noop("The measure “%(measure)s” asks an endpoint. Choose the judge whose endpoint and budget it uses."),
)
NEEDS_NO_JUDGE: Final = kind(
    "similarity-needs-no-judge", gettext_noop("The measure “%(measure)s” asks nothing. Leave out the judge.")
)
NO_MEASURE: Final = kind("no-measure", gettext_noop("No measure is named “%(name)s”. Choose from: %(known)s."))
BAD_FILTER: Final = kind(
    "bad-similarity-filter", gettext_noop("The filter “%(name)s” is not known, or its limit is not 0 or more.")
)
BAD_TOP: Final = kind("bad-top", gettext_noop("The number of prompts per pair of models must be at least 1."))
BAD_SPREAD: Final = kind("bad-spread", gettext_noop("Lambda must be a number of 0 or more."))
NOT_COMPARED: Final = kind(
    "not-compared", gettext_noop("Run %(number)s has not finished comparing answers. Continue it first.")
)
NO_SIMILARITY_RUN: Final = kind("no-similarity-run", gettext_noop("This study has no similarity run %(number)s."))
NONE_CHOSEN: Final = kind(
    "none-chosen", gettext_noop("No prompt was chosen: every one was dropped by a filter, has no answer or failed.")
)
