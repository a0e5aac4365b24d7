"""Search that forgives typing errors: regex can do what re can't."""
from typing import List

import regex

from .models import Match, Note


def fuzzy(notes: List[Note], words: str, errors: int) -> List[Match]:
    pattern = regex.compile(
        r"(?:%s){e<=%d}" % (regex.escape(words), errors),
        regex.IGNORECASE | regex.BESTMATCH,
    )
    matches = []
    for note in notes:
        found = pattern.search(f"{note.title}\n{note.text}")
        if found:
            matches.append(Match(note=note, found=found.group(0), errors=sum(found.fuzzy_counts)))
    return sorted(matches, key=lambda m: (m.errors, m.note.id))
