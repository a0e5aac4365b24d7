import os

import pytest

os.environ.setdefault("API_KEY", "only-for-tests")


@pytest.fixture
def client(tmp_path, monkeypatch):
    from fastapi.testclient import TestClient

    from app import config
    from app.main import app

    monkeypatch.setattr(config, "DATABASE", str(tmp_path / "notes.db"))
    with TestClient(app) as client:
        yield client
