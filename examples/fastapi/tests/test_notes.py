from app import config


def test_health(client):
    assert client.get("/health").json() == {"status": "ok", "notes": 3}


def test_create_and_get(client):
    made = client.post("/notes", json={"title": "Call Ada", "tags": ["phone"]})
    assert made.status_code == 201
    note = made.json()
    assert client.get(f"/notes/{note['id']}").json() == note
    assert client.get("/notes", params={"tag": "phone"}).json() == [note]


def test_delete_needs_the_key(client):
    assert client.delete("/notes/1").status_code == 401
    assert client.delete("/notes/1", headers={"X-API-Key": config.API_KEY}).status_code == 204
    assert client.get("/notes/1").status_code == 404


def test_search_forgives(client):
    found = client.get("/search", params={"q": "cofee", "errors": 1}).json()
    assert [match["note"]["title"] for match in found] == ["Groceries"]


def test_home_lists_titles(client):
    assert "Groceries" in client.get("/").text
