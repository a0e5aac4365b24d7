import hmac
from typing import List, Optional

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from . import config, search, store
from .models import Match, Note, NoteIn

app = FastAPI(title="Notes", version="1.4.0")
templates = Jinja2Templates(directory="app/templates")


def need_key(x_api_key: Optional[str] = Header(default=None)) -> None:
    if not hmac.compare_digest(x_api_key or "", config.API_KEY):
        raise HTTPException(status_code=401, detail="wrong or missing X-API-Key")


@app.on_event("startup")
def startup() -> None:
    store.prepare()


@app.get("/health")
def health():
    return {"status": "ok", "notes": len(store.list_notes(limit=1000))}


@app.get("/", response_class=HTMLResponse)
def home(request: Request):
    notes = store.list_notes(limit=config.PAGE_SIZE)
    return templates.TemplateResponse("home.html", {"request": request, "notes": notes})


@app.get("/notes", response_model=List[Note])
def list_notes(
    tag: Optional[str] = None,
    limit: int = Query(default=config.PAGE_SIZE, ge=1, le=100),
    offset: int = Query(default=0, ge=0),
):
    return store.list_notes(tag, limit, offset)


@app.get("/notes/{note_id}", response_model=Note)
def get_note(note_id: int):
    note = store.get_note(note_id)
    if note is None:
        raise HTTPException(status_code=404, detail="no such note")
    return note


@app.post("/notes", response_model=Note, status_code=201)
def create_note(note: NoteIn):
    return store.create_note(note)


@app.delete("/notes/{note_id}", status_code=204, dependencies=[Depends(need_key)])
def delete_note(note_id: int):
    if not store.delete_note(note_id):
        raise HTTPException(status_code=404, detail="no such note")


@app.get("/search", response_model=List[Match])
def find(q: str = Query(default="welcome", min_length=2, max_length=60), errors: int = Query(default=1, ge=0, le=3)):
    return search.fuzzy(store.list_notes(limit=1000), q, errors)
