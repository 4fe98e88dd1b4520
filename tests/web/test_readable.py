"""Titles as mail shows them: formulas in letters, and whatever cannot be read as it came."""

import pytest

from web.readable import readable


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"Schr\"odinger's \textbf{cat}", "Schrödinger's cat"),
        (r"{\L}ukasz and na{\"\i}ve G{\"o}del", "Łukasz and naïve Gödel"),
        (r"$\mathbb{R}^d$ and $\ell_2$", "ℝᵈ and ℓ₂"),
        (r"$x_{i,j}^{2n}$ and $e^{-\lambda t}$ for $f'(x)$", "x_(i,j)²ⁿ and e^(-λ t) for f'(x)"),
        (r"$A^\top$, $90^\circ$, $L_{\text{max}}$, $10^{-3}$ eV", "A^⊤, 90°, Lₘₐₓ, 10⁻³ eV"),
        (r"$\sum_{i=1}^{n} \alpha_i x_i$", "∑ᵢ₌₁ⁿ αᵢ xᵢ"),
        (r"$^{13}$C in CO$_2$", "¹³C in CO₂"),
        (r"An O(n^2) algorithm, R^2 and x^{10}", "An O(n²) algorithm, R² and x¹⁰"),
        (r"50\% of $n^2$ & 10% more", "50% of n² & 10% more"),
        (r"Caf\'e for \$5 or a^2", "Café for $5 or a²"),
        ("From $10 to $20, 50% off", "From $10 to $20, 50% off"),
        ("No maths_here at all, snake_case^caret", "No maths_here at all, snake_case^caret"),
        ("{" * 500 + r"\alpha", "{" * 500 + r"\alpha"),  # too deep for the converter
        (r"\frac" * 100, r"\frac" * 100),  # nonsense
        ("$x^2" + "y" * 600 + "$", "$x^2" + "y" * 600 + "$"),  # too long
        (r"$\frac$ of nothing", r"\frac of nothing"),
        ("Two\n  lines\x00", "Two lines"),
        ("👩‍🔬 stays one person", "👩‍🔬 stays one person"),
        ("", ""),
    ],
)
def test_latex_becomes_text_or_stays_as_it_came(latex: str, plain: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert readable(latex) == plain
    assert capfd.readouterr().err == ""


def test_a_title_is_spelled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = readable(r"Once upon a $\beta$-version")
    monkeypatch.setattr("web.readable._formula", None)
    assert readable(r"Once upon a $\beta$-version") is first
