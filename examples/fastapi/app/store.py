"""Notes in a sqlite file."""
import json
import os
import sqlite3
from contextlib import closing
from typing import List, Optional

from . import config
from .models import Note, NoteIn

SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    text  TEXT NOT NULL,
    tags  TEXT NOT NULL
)
"""


def connect() -> sqlite3.Connection:
    db = sqlite3.connect(config.DATABASE, timeout=5)
    db.row_factory = sqlite3.Row
    return db


def prepare() -> None:
    os.makedirs(os.path.dirname(config.DATABASE) or ".", exist_ok=True)
    with closing(connect()) as db, db:
        db.execute(SCHEMA)
        if db.execute("SELECT count(*) FROM notes").fetchone()[0] == 0:
            with open("app/static/welcome.json", encoding="utf-8") as f:
                for note in json.load(f):
                    insert(db, NoteIn(**note))


def insert(db: sqlite3.Connection, note: NoteIn) -> int:
    cursor = db.execute(
        "INSERT INTO notes (title, text, tags) VALUES (?, ?, ?)",
        (note.title, note.text, json.dumps(note.tags)),
    )
    return cursor.lastrowid


def to_note(row: sqlite3.Row) -> Note:
    return Note(id=row["id"], title=row["title"], text=row["text"], tags=json.loads(row["tags"]))


def list_notes(tag: Optional[str] = None, limit: int = 20, offset: int = 0) -> List[Note]:
    with closing(connect()) as db:
        notes = [to_note(row) for row in db.execute("SELECT * FROM notes ORDER BY id")]
    if tag:
        notes = [note for note in notes if tag in note.tags]
    return notes[offset : offset + limit]


def get_note(note_id: int) -> Optional[Note]:
    with closing(connect()) as db:
        row = db.execute("SELECT * FROM notes WHERE id = ?", (note_id,)).fetchone()
    return to_note(row) if row else None


def create_note(note: NoteIn) -> Note:
    with closing(connect()) as db, db:
        note_id = insert(db, note)
    return Note(id=note_id, **note.dict())


def delete_note(note_id: int) -> bool:
    with closing(connect()) as db, db:
        return db.execute("DELETE FROM notes WHERE id = ?", (note_id,)).rowcount > 0
