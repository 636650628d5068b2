"""The words of figures, tables and the page are explained, in docs as in the code."""

from tests.project import ROOT
from whypretrain.report import style
from whypretrain.report.glossary import TERMS, page


def test_the_page_of_the_docs_is_in_step() -> None:
    assert (ROOT / "docs/glossary.md").read_text(encoding="utf-8") == page()


def test_every_label_is_a_term_or_holds_one() -> None:
    for label in style.LABELS.values():
        assert any(label == term or term in label.split(" + ") for term in TERMS), label


def test_terms_are_short_sentences() -> None:
    for term, meaning in TERMS.items():
        assert meaning.endswith("."), term
        assert len(meaning.split()) <= 45, term
