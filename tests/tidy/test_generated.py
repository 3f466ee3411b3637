"""What is generated from the code is current."""

from tests.tools import generate_docs


def test_messages_page_is_current() -> None:
    assert generate_docs.MESSAGES.read_text() == generate_docs.messages(), "run `make docs`"
