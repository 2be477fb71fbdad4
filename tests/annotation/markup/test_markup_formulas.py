"""Formulas are rendered, and dollar signs of prices stay."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.markup import render
from annotation.markup.formulas import LONGEST, mathml

pytestmark = pytest.mark.once

FORMULA = re.compile(r"<math|<code class=\"formula\">")


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "from $5-$10 to $20–$30",
        "US$5/US$10 or A$7, not 5$ or 10$",
        "$5 or 10$, whatever you like",
        "a $5 tip and a 10$ bill",
        "between $1,000 and $2,000.50 (about 10 % more than $900)",
        "$100M of $1B",
        "**$5** and **$10**",
        "$HOME and $PATH, or $HOME/$USER",
        "$5ドルと10$です",
        "the price is $ 5 $ now",
        r"escaped \$x\$ dollars",
        "a lone $ sign",
        "`$x$` in code",
        "$x `and$` code",
        "$$",
        "| Plan | Price |\n|---|---|\n| A | $5 |\n| B | $10 |",
        "```\n$x$\n```",
        "    $x$",
        r"see \[12\] and \[the paper by Smith\] and \(as it were said\)",
    ],
)
def test_no_formula_is_found_where_none_is(text: str) -> None:
    assert not FORMULA.search(render(text))


@pytest.mark.parametrize(
    "text",
    [
        "$x$",
        "$x_1^2 + y$.",
        "the $n$-th",
        "($a$, $b$)",
        "$5$ is prime and $2x + 3 = 7$",
        r"$5 \text{ and more}$",
        "方程式$x^2$の解は",
        r"\(x\)",
        r"\( a + b \)",
        r"\[ a \]",
        "$$a$$",
        "so $$a$$ it is",
        "# On $x$",
        "| a |\n|---|\n| $x$ |",
        "- $x$",
        "> $x$",
        "**$x$**",
        r"\(f(x) = \{ y \}\)",
    ],
)
def test_a_formula_is_set_as_mathml(text: str) -> None:
    assert "<math" in render(text)


@pytest.mark.parametrize(
    "source",
    [
        "\\[\na\n= b\n- c\n\\]",
        "$$\na_1 * b_1 * c\n\n+ d\n$$",
        "\\begin{align}\na &= b \\\\\n  &= c\n\\end{align}",
        "\\begin{equation*}\na = b\n\\end{equation*}",
        "\\[ a \\].",
        "$$ a $$ (1)",
        "Text before:\n\\[\na\n\\]\nand after",
        "1. Step:\n   \\[\n   a\n   \\]\n2. Step",
        "> $$\n> a\n> $$",
    ],
)
def test_a_formula_on_lines_of_its_own_is_displayed_and_no_markdown_acts_in_it(source: str) -> None:
    html = render(source)
    assert html.count('<math display="block">') == 1
    assert not re.search(r"<(h\d|em|ul|hr)", html)


def test_what_follows_a_displayed_formula_stays() -> None:
    assert "</math>.</div>" in render("\\[ a \\].")
    assert "</math>(1)</div>" in render("$$ a $$ (1)")


def test_an_opening_without_its_closing_is_text() -> None:
    assert not FORMULA.search(render("\\[\na\n\nb"))
    assert not FORMULA.search(render("$$\na\n\n# Heading"))
    assert "<h3>Heading</h3>" in render("$$\na\n\n# Heading")


def test_a_list_item_ends_a_formula_that_was_never_closed() -> None:
    html = render("- $$\n  a\n\nb $$")
    assert "<li>" in html
    assert "<p>b $$</p>" in html


@pytest.mark.parametrize(
    "latex", [r"\frac{", r"\left(", r"\undefined{x}", r"\begin{tikzpicture}a\end{tikzpicture}", "%", "{" * 40]
)
def test_latex_that_cannot_be_read_is_shown_as_its_source(latex: str) -> None:
    assert mathml(latex, display=False) is None
    shown = render(f"${latex}$ \\({latex}\\)")
    assert shown.count('<code class="formula">') == 2
    assert f"${latex}$" in shown


def test_a_formula_beyond_its_length_is_shown_as_its_source() -> None:
    assert mathml("x" * (LONGEST + 1), display=False) is None


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{-b \pm \sqrt{b^2 - 4ac}}{2a}",
        r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}",
        r"\int_0^\infty e^{-x^2}\,dx",
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        r"\begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\begin{gather*} a \\ b \end{gather*}",
        r"\lim_{x \to 0} \frac{\sin x}{x} = 1 \label{eq} \nonumber",
        r"\boxed{42}",
        r"\mathbb{E}[X] = \mu, \quad X \sim \mathcal{N}(\mu, \sigma^2)",
        r"\operatorname{argmax}_\theta \log p_\theta(x)",
        r"\left\lfloor \frac{a}{b} \right\rfloor \bmod n \neq \varnothing",
        r"\overline{AB} \perp \vec{v} \implies \angle ABC = 90^\circ",
    ],
)
def test_what_models_write_is_read(latex: str) -> None:
    assert mathml(latex, display=True) is not None


def test_an_inequality_stays_one() -> None:
    assert mathml("a < b & c", display=False) is not None
    assert "&lt;" in render("$a < b$")


# fmt: off
TOKENS = [
    r"\frac", r"\sqrt", r"\left", r"\right", r"\begin{matrix}", r"\end{matrix}", r"\begin{align}", r"\end{align}",
    "{", "}", "(", ")", "[", "]", "^", "_", "'", "&", "\\\\", "x", "1", "+", r"\text{a}", r"\over", r"\binom",
    r"\sum", r"\limits", r"\middle", "|", r"\hline", r"\color{red}", r"\mathrm", r"\genfrac", r"\substack",
    r"\tag{1}", r"\verb|x|", "%", "#", "~", r"\xrightarrow", r"\overset", r"\prescript", r"\sideset", r"\hspace{1em}",
    r"\rule", r"\big", r"\not", r"\phantom", r"\choose", r"\of", r"\root", r"\mod", r"\pmod", r"\hat",
]
# fmt: on


@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=3)), max_size=25), st.booleans())
@settings(max_examples=500)
def test_no_latex_is_too_strange(tokens: list[str], display: bool) -> None:
    found = mathml(" ".join(tokens), display=display)
    assert found is None or found.startswith("<math")
