from typing import List

from pydantic import BaseModel, Field


class NoteIn(BaseModel):
    title: str = Field(min_length=1, max_length=120)
    text: str = ""
    tags: List[str] = []


class Note(NoteIn):
    id: int


class Match(BaseModel):
    note: Note
    found: str
    errors: int
